// SPDX-License-Identifier: MIT
//
// A process that stops at its system calls, by ptrace(2), so that a signal can
// come at a chosen moment and not at a lucky one.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "daemon.h"
#include "support/process.h"

namespace ipcdev::daemon_tests {

// For Command::before_exec: the program stops before its first instruction, and
// is traced by the tests. In a process group of its own.
void be_traced();

class Traced {
  public:
    // Of a process that did be_traced(), or of one that runs: then it is seized.
    enum class Begin { at_exec, running };
    Traced(const Process& process, Begin begin) : Traced(process.pid(), begin) {}
    Traced(pid_t process, Begin begin);
    Traced(const Traced&) = delete;
    Traced& operator=(const Traced&) = delete;
    // Lets it go on, untraced.
    ~Traced() { release(); }

    struct Call {
        bool is_entry = false;
        std::uint64_t number = 0; // SYS_*; of an entry
        std::uint64_t first = 0;  // its first argument
        std::int64_t result = 0;  // of an exit
    };
    // Goes on to the next entry or exit of a system call. False: it has ended
    // or got a signal that would end it.
    bool next(Call& call);

    // Goes on to the very instruction that makes the system call, which then is
    // the next one to run. False where this processor's are not known.
    bool step_to_call(std::uint64_t number);

    // Goes on to the n-th entry or exit of a system call, counted from where the
    // daemon has caught the signals that end it. False if it ends or says that it
    // is ready before that.
    bool run_to_stop(int n, const NotifySocket& systemd);

    void release();

  private:
    bool wait_for_stop();

    pid_t pid_;
    bool stopped_ = false;
};

} // namespace ipcdev::daemon_tests
