// SPDX-License-Identifier: MIT
//
// The program under test: ipcdevd, run to its end or served by.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "support/program.h"

namespace ipcdev::daemon_tests {

using namespace test; // what starts, awaits and ends processes

struct Outcome {
    Status status = -1;
    std::string output;
    std::string errors;
};

// ipcdevd with these options.
[[nodiscard]] Command daemon_command(const std::vector<std::string>& options);

// Runs it, to its end; one that serves is ended by SIGTERM.
[[nodiscard]] Outcome run(Command command);

// A datagram socket as systemd's $NOTIFY_SOCKET, with an abstract name.
class NotifySocket {
  public:
    NotifySocket();

    [[nodiscard]] const std::string& setting() const { return setting_; } // NOTIFY_SOCKET=...
    struct Message {
        std::string text; // empty: nothing came
        pid_t sender = 0;
    };
    // Waits until a message comes, the process ends or the time is over.
    [[nodiscard]] Message receive(const Process& sender, int milliseconds = -1) const;
    [[nodiscard]] Message look() const;

  private:
    Descriptor socket_;
    std::string setting_;
};

// An ipcdevd that is ready, by what it tells a service manager.
class Daemon : public Program {
  public:
    Daemon() = default;
    // Throws with what it wrote to stderr, if it ends instead.
    explicit Daemon(Command command);

    // SIGTERM, and the end.
    Status stop();
};

// Waits for a program until it serves or has ended.
[[nodiscard]] bool becomes_ready(const Program& program, const NotifySocket& socket);

// The one pid that runs as a background daemon of `path`, which the tests have
// inherited from its parent.
[[nodiscard]] Process adopt_background_daemon(const NotifySocket& socket);

} // namespace ipcdev::daemon_tests
