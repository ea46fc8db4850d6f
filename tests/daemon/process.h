// SPDX-License-Identifier: MIT
//
// Child processes that can't outlive their owner: the watchdog knows them, they
// die with the tests, and the destructor kills and reaps them.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ipcdev::daemon_tests {

class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { close(); }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    void close();

  private:
    int fd_ = -1;
};

// Exit status; 128 + signal number for who was killed, as shells count.
using Status = int;

class Process {
  public:
    Process() = default;
    // Forks; the child runs the body and exits with what it returns.
    explicit Process(const std::function<int()>& body);
    // Adopts a process that became a child of this one by losing its parent.
    explicit Process(pid_t orphan);
    Process(Process&& other) noexcept
        : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}
    Process& operator=(Process&& other) noexcept;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() { kill(); }

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] const Descriptor& pidfd() const { return pidfd_; }
    // Ends within the time? 0 only looks.
    [[nodiscard]] bool ends_within(long microseconds) const;
    [[nodiscard]] bool ended() const { return ends_within(0); }
    void signal(int number) const;
    // Waits for the end.
    Status wait();
    // SIGKILL, and wait().
    void kill();

  private:
    pid_t pid_ = 0;
    Descriptor pidfd_;
};

// How a program is started.
struct Command {
    std::vector<std::string> arguments;
    std::vector<std::string> environment{}; // NAME=value, added to what there is
    std::optional<uid_t> user{};            // and group; none: who runs the tests
    std::function<void()> before_exec{};    // in the child, still with all rights
};

// A program whose output is kept, as much as it may be.
class Program : public Process {
  public:
    Program() = default;
    explicit Program(const Command& command);

    [[nodiscard]] std::string output() const;
    [[nodiscard]] std::string errors() const;

  private:
    Program(const Command& command, Descriptor output, Descriptor errors);

    Descriptor output_;
    Descriptor errors_;
};

// Has the child process become that user, with no groups and no capabilities.
void become(uid_t user);

// Runs the body as that user in a child; returns what it returns, 0 to 255.
Status run_as(uid_t user, const std::function<int()>& body);

// Gives others the processor for a moment that grows with `attempt`.
void back_off(unsigned attempt);

// Throws once the watchdog has expired.
void still_in_time();

// Looks again until it is so.
template <typename Condition> void wait_until(Condition condition) {
    for (unsigned attempt = 0; !condition(); ++attempt) {
        still_in_time();
        back_off(attempt);
    }
}

} // namespace ipcdev::daemon_tests
