// SPDX-License-Identifier: MIT
//
// Child processes that can't outlive the suite: the watchdog knows them, they
// get a signal when the suite dies, and the destructor kills and reaps them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace ipcdev::conformance {

// An owned file descriptor of the suite's process.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor() { close(); }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    int release();
    void close();

  private:
    int fd_ = -1;
};

class Process {
  public:
    Process() = default;
    // Runs `body` in a forked child, which exits with what it returns.
    // `at_suite_death` is the signal the child gets if the suite dies.
    Process(const std::function<int()>& body, int at_suite_death);
    // Takes over a child that another child made for the suite (CLONE_PARENT).
    explicit Process(pid_t child);
    Process(Process&&) noexcept = default;
    Process& operator=(Process&& other) noexcept;
    ~Process() { kill(); }

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] bool exists() const { return pidfd_.is_open(); } // started, not reaped
    [[nodiscard]] bool ended() const;                              // or was never there
    void signal(int number) const;

    // Waits for its end and reaps it. The status as waitpid(2) has it; nothing
    // if it is reaped already.
    std::optional<int> wait();
    std::optional<int> kill(int number = 9); // signal, then wait

  private:
    pid_t pid_ = 0;
    Descriptor pidfd_;
};

// A program whose output is kept in memory, so it never blocks on writing it.
class Program {
  public:
    Program() = default;
    explicit Program(const std::vector<std::string>& arguments, const std::string& input = "",
                     int at_suite_death = 9);
    // By /bin/sh, which becomes the command if that is a simple `exec ...`.
    static Program shell(const std::string& command, const std::string& input = "",
                         int at_suite_death = 9);

    [[nodiscard]] Process& process() { return process_; }
    // What it has written up to now.
    [[nodiscard]] std::string output() const;
    [[nodiscard]] std::string errors() const;

  private:
    Descriptor output_; // memory files
    Descriptor errors_;
    Process process_;
};

// 'text' as one word of a shell command.
[[nodiscard]] std::string shell_quoted(const std::string& text);

// Gives others the processor for a moment that grows with `attempt`: for loops
// that look again until something is so, never to synchronise by time.
void back_off(unsigned attempt);

} // namespace ipcdev::conformance
