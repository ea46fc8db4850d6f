// SPDX-License-Identifier: MIT
//
// Child processes that can't outlive their owner: the watchdog knows them, they
// get a signal when the tests die, and the destructor kills and reaps them.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <functional>
#include <optional>
#include <utility>

#include "support/descriptor.h"

namespace ipcdev::test {

// Exit status; 128 + signal number for who was killed, as shells count.
using Status = int;

[[nodiscard]] constexpr Status killed_by(int signal_number) {
    return 128 + signal_number;
}

// From the status that waitpid(2) gives.
[[nodiscard]] Status status_of(int wait_status);

class Process {
  public:
    Process() = default;
    // Forks; the child runs the body, with no signal handled, ignored or blocked,
    // and exits with what it returns. It gets `death_signal` if the tests die.
    explicit Process(const std::function<int()>& body, int death_signal = SIGKILL);
    // Adopts a process that became a child of this one by losing its parent, or
    // was made as such by another child (CLONE_PARENT).
    explicit Process(pid_t child);
    Process(Process&& other) noexcept
        : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}
    Process& operator=(Process&& other) noexcept;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() { kill(); }

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] const Descriptor& pidfd() const { return pidfd_; }
    [[nodiscard]] bool exists() const { return pid_ != 0; } // started and not reaped
    // Ends within the time, or does not exist? 0 only looks.
    [[nodiscard]] bool ends_within(long microseconds) const;
    [[nodiscard]] bool ended() const { return ends_within(0); }
    void signal(int number) const;
    // Waits for the end and reaps it.
    Status wait();
    // The signal, and wait(); nothing if it does not exist.
    std::optional<Status> kill(int number = SIGKILL);

  private:
    pid_t pid_ = 0;
    Descriptor pidfd_;
};

} // namespace ipcdev::test
