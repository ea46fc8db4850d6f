// SPDX-License-Identifier: MIT
#include "traced.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "support/errors.h"
#include "support/waiting.h"

namespace ipcdev::daemon_tests {

namespace {

constexpr int syscall_stop = SIGTRAP | 0x80; // with PTRACE_O_TRACESYSGOOD

} // namespace

void be_traced() {
    checked(setpgid(0, 0), "setpgid");
    checked(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr), "PTRACE_TRACEME");
}

Traced::Traced(pid_t process, Begin begin) : pid_(process) {
    if (begin == Begin::running) {
        checked(ptrace(PTRACE_SEIZE, pid_, nullptr, PTRACE_O_TRACESYSGOOD), "PTRACE_SEIZE");
        checked(ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr), "PTRACE_INTERRUPT");
        wait_for_stop();
    } else {
        wait_for_stop();
        checked(ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_TRACESYSGOOD),
                "PTRACE_SETOPTIONS");
    }
}

bool Traced::wait_for_stop() {
    siginfo_t info{};
    // An end stays to be reaped by the process's owner.
    while (waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOWAIT) == -1) {
        checked(errno == EINTR ? 0 : -1, "waitid");
        still_in_time();
    }
    stopped_ = info.si_code == CLD_TRAPPED;
    if (stopped_) {
        waitpid(pid_, nullptr, WUNTRACED);
    }
    return stopped_;
}

bool Traced::next(Call& call) {
    for (long signal = 0;;) {
        checked(ptrace(PTRACE_SYSCALL, pid_, nullptr, signal), "PTRACE_SYSCALL");
        stopped_ = false;
        if (!wait_for_stop()) {
            return false;
        }
        siginfo_t why{};
        checked(ptrace(PTRACE_GETSIGINFO, pid_, nullptr, &why), "PTRACE_GETSIGINFO");
        if (why.si_code == syscall_stop) {
            break;
        }
        const bool is_event = why.si_code >> 8 != 0;
        signal = is_event ? 0 : why.si_signo; // to be delivered
    }
    __ptrace_syscall_info info{};
    checked(ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof(info), &info), "PTRACE_GET_SYSCALL_INFO");
    call = {};
    call.is_entry = info.op == PTRACE_SYSCALL_INFO_ENTRY;
    if (call.is_entry) {
        call.number = info.entry.nr;
        call.first = info.entry.args[0];
    } else {
        call.result = info.exit.rval;
    }
    return true;
}

bool Traced::step_to_call([[maybe_unused]] std::uint64_t number) {
#ifdef __x86_64__
    constexpr unsigned long syscall_instruction = 0x050f; // 0f 05
    for (;;) {
        user_regs_struct registers{};
        checked(ptrace(PTRACE_GETREGS, pid_, nullptr, &registers), "PTRACE_GETREGS");
        errno = 0;
        const long code = ptrace(PTRACE_PEEKTEXT, pid_, registers.rip, nullptr);
        checked(errno == 0 ? 0 : -1, "PTRACE_PEEKTEXT");
        if ((static_cast<unsigned long>(code) & 0xffffU) == syscall_instruction &&
            registers.rax == number) {
            return true;
        }
        checked(ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr), "PTRACE_SINGLESTEP");
        if (!wait_for_stop()) {
            return false;
        }
    }
#else
    return false;
#endif
}

bool Traced::run_to_stop(int n, const NotifySocket& systemd) {
    Call call;
    bool catches = false;
    for (int stops = 0; stops < n;) {
        if (!next(call) || !systemd.look().text.empty()) {
            return false;
        }
        // The last that it does about signals is to ignore this one.
        catches |= call.is_entry && call.number == SYS_rt_sigaction && call.first == SIGPIPE;
        stops += catches ? 1 : 0;
    }
    return true;
}

void Traced::release() {
    if (stopped_) {
        ptrace(PTRACE_DETACH, pid_, nullptr, nullptr);
        stopped_ = false;
    }
}

} // namespace ipcdev::daemon_tests
