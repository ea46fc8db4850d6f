// SPDX-License-Identifier: MIT
#include "support/process.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <stdexcept>

#include "support/errors.h"
#include "support/watchdog.h"

namespace ipcdev::test {

namespace {

constexpr Status threw = 127;

Descriptor open_pidfd(pid_t pid) {
    return Descriptor(checked(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)), "pidfd_open"));
}

// What the tests set up for themselves, or inherited, is undone.
void become_child(pid_t tests, int death_signal) {
    prctl(PR_SET_PDEATHSIG, death_signal);
    if (getppid() != tests) {
        _exit(0); // they died before the line above
    }
    for (int number = 1; number < SIGRTMIN; ++number) {
        std::signal(number, SIG_DFL); // shells start background jobs with SIGINT ignored
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

} // namespace

Status status_of(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : killed_by(WTERMSIG(wait_status));
}

Process::Process(const std::function<int()>& body, int death_signal) {
    const pid_t tests = getpid();
    pid_ = checked(fork(), "fork");
    if (pid_ == 0) {
        try {
            become_child(tests, death_signal);
            _exit(body());
        } catch (const std::exception& error) {
            dprintf(STDERR_FILENO, "in a child: %s\n", error.what());
            _exit(threw);
        }
    }
    watchdog::add(pid_);
    pidfd_ = open_pidfd(pid_);
}

Process::Process(pid_t child) : pid_(child), pidfd_(open_pidfd(child)) {
    watchdog::add(pid_);
}

Process& Process::operator=(Process&& other) noexcept {
    if (this != &other) {
        kill();
        pid_ = std::exchange(other.pid_, 0);
        pidfd_ = std::move(other.pidfd_);
    }
    return *this;
}

bool Process::ends_within(long microseconds) const {
    pollfd end{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    const timespec time{.tv_sec = microseconds / 1'000'000,
                        .tv_nsec = microseconds % 1'000'000 * 1000};
    return !exists() || ppoll(&end, 1, &time, nullptr) == 1;
}

void Process::signal(int number) const {
    if (exists()) {
        syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
    }
}

Status Process::wait() {
    if (!exists()) {
        throw std::logic_error("nobody to wait for");
    }
    int status = 0;
    while (waitpid(pid_, &status, 0) == -1 && errno == EINTR) {
    }
    watchdog::remove(pid_);
    pid_ = 0;
    pidfd_.close();
    return status_of(status);
}

std::optional<Status> Process::kill(int number) {
    if (!exists()) {
        return {};
    }
    signal(number);
    return wait();
}

} // namespace ipcdev::test
