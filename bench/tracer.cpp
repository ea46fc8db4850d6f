// SPDX-License-Identifier: MIT
#include "tracer.h"

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "support/errors.h"

namespace ipcdev::bench {

namespace {

constexpr int system_call_stop = SIGTRAP | 0x80; // by PTRACE_O_TRACESYSGOOD
constexpr int event_shift = 16;                  // in a wait status, above the signal

void go_on(pid_t thread, int signal_number) {
    ptrace(PTRACE_SYSCALL, thread, nullptr, signal_number); // may have ended meanwhile
}

// Stopped before its body, which begins when it goes on.
pid_t start_traced(const std::function<void()>& body) {
    const pid_t child = test::checked(fork(), "fork");
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        try {
            body();
        } catch (const std::exception&) {
            _exit(1);
        }
        _exit(0);
    }
    test::checked(waitpid(child, nullptr, 0), "waitpid");
    test::checked(
        ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL),
        "ptrace");
    return child;
}

} // namespace

bool Tracer::seize(pid_t process) {
    const std::filesystem::directory_iterator tasks("/proc/" + std::to_string(process) + "/task");
    return std::ranges::all_of(tasks, [](const auto& task) {
        const pid_t thread = std::stoi(task.path().filename());
        constexpr long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE;
        // It stops, and is counted from then on: follow_until_end_of sees that.
        return ptrace(PTRACE_SEIZE, thread, nullptr, options) != -1 &&
               ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) != -1;
    });
}

SystemCalls Tracer::count(const std::function<void()>& body) {
    client_stops_ = server_stops_ = 0;
    const pid_t child = start_traced(body);
    go_on(child, 0);
    follow_until_end_of(child);
    return {.client = client_stops_ / 2, .servers = server_stops_ / 2};
}

void Tracer::follow_until_end_of(pid_t child) {
    for (;;) {
        int status = 0;
        const pid_t thread = waitpid(-1, &status, __WALL);
        if (thread == -1 && errno != EINTR) {
            test::throw_errno("waitpid");
        }
        if (thread > 0 && WIFSTOPPED(status)) {
            handle_stop(thread, status, child);
        } else if (thread == child) {
            if (status != 0) {
                throw std::runtime_error("the traced client failed");
            }
            return;
        }
    }
}

void Tracer::handle_stop(pid_t thread, int status, pid_t child) {
    const int signal_number = WSTOPSIG(status);
    const bool is_event = (status >> event_shift) != 0;
    if (signal_number == system_call_stop) {
        ++(thread == child ? client_stops_ : server_stops_);
        go_on(thread, 0);
    } else {
        go_on(thread, is_event ? 0 : signal_number);
    }
}

} // namespace ipcdev::bench
