// SPDX-License-Identifier: MIT
//
// Who serves the device under test: how the command of --serve starts it, and what it is
// called in what people read.
#pragma once

#include <functional>
#include <string>

#include "support/program.h"

namespace ipcdev::test {

// The shell command with the path, as one word, wherever it says {device}.
[[nodiscard]] std::string with_device(std::string command, const std::string& path);

// --serve's for that path, with more options; the shell becomes the server, so signals
// reach that. It is asked to end if the tests die.
[[nodiscard]] Command serve_command(const std::string& serve, const std::string& path,
                                    const std::string& extra = "");

// Starts it as `server` and returns once `serves` says so. Throws std::runtime_error, with
// what it wrote, if it ends instead.
void start_server(Program& server, const Command& command, const std::function<bool()>& serves);

// Of INFO's `server`: "module", "cuse", "fuse", or "unknown".
[[nodiscard]] const char* server_name(unsigned server);

} // namespace ipcdev::test
