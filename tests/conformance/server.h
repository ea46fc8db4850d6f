// SPDX-License-Identifier: MIT
//
// The program that serves the device, if --serve tells how to start it.
//
// It is started before it is needed, ended with what a test asks for, and
// leaves no process, mount or file behind, whatever became of it.
#pragma once

#include <optional>
#include <string>

#include "observer.h"
#include "support/serving.h"

namespace ipcdev::conformance {

// --serve's with more options, for that path. It is asked to end if the suite dies.
[[nodiscard]] Command serve_command(const std::string& path, const std::string& extra = "");

class Server {
  public:
    explicit Server(Observer& observer) : observer_(observer) {}
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() { kill(); }

    // Is it the suite's? If not, it can't be ended or started.
    [[nodiscard]] static bool ours();

    // Makes sure that it serves with exactly these options besides --serve's,
    // starting it again if need be, and that the observer is connected. Throws
    // std::runtime_error, with what it wrote, if it ends instead.
    void ensure(const std::string& extra = "");

    [[nodiscard]] Process& process() { return program_; }
    [[nodiscard]] std::string errors() const { return program_.errors(); } // its stderr

    // Sends the signal and waits for its end.
    std::optional<Status> end(int signal);
    void kill();

  private:
    void start(const std::string& extra);
    static void clean_up();

    Observer& observer_;
    Program program_;
    std::string extra_;
    bool is_module_ = false; // its device would outlive a process that is killed
};

} // namespace ipcdev::conformance
