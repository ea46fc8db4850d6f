// SPDX-License-Identifier: MIT
//
// A program as a child process. What it writes is kept in memory files, so it
// never blocks on writing it.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/process.h"

namespace ipcdev::test {

// How a program is started.
struct Command {
    std::vector<std::string> arguments;
    std::vector<std::string> environment{}; // NAME=value, added to what there is
    std::string input{};                    // what it finds on stdin, then the end
    std::optional<uid_t> user{};            // and group; none: who runs the tests
    std::function<void()> before_exec{};    // in the child, still with all rights
    int death_signal = SIGKILL;             // what it gets if the tests die
};

// Run by /bin/sh, which becomes the command if that is a simple `exec ...`.
[[nodiscard]] Command shell_command(const std::string& text);

// `text` as one word of a shell command.
[[nodiscard]] std::string shell_quoted(const std::string& text);

class Program : public Process {
  public:
    Program() = default;
    // One that can't be run says so on stderr and ends with status 127.
    explicit Program(const Command& command);

    // What it has written up to now.
    [[nodiscard]] std::string output() const;
    [[nodiscard]] std::string errors() const;

  private:
    Program(const Command& command, const Descriptor& input, Descriptor output, Descriptor errors);

    Descriptor output_;
    Descriptor errors_;
};

} // namespace ipcdev::test
