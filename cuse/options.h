// SPDX-License-Identifier: MIT
//
// Reads and checks the command line, environment and configuration file. The result is
// valid as a whole.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include <spdlog/common.h>

#include "device.h"
#include "privileges.h"
#include "session.h"

namespace ipcdev {

enum class Transport { automatic, cuse, fuse };

struct Options {
    std::string name = IPCDEV_DEFAULT_NAME;
    Settings settings;
    Access access;
    ServingUser user;
    Transport transport = Transport::automatic;
    std::filesystem::path path; // of the FUSE file; empty: derived from name and user
    bool background = false;
    bool print_layout = false;         // only that (upgrade.h)
    bool keep = false;                 // the device outlives the process that serves it
    std::optional<unsigned> cpu;       // the processor to run on; none: any
    std::chrono::microseconds spin{0}; // busy-wait for requests before sleeping
    spdlog::level::level_enum log_level = spdlog::level::info;
};

// Thrown when parsing ends without options: --help, --version or a mistake.
struct ParseEnd {
    int exit_status; // 0, or 2 for wrong options
};

// Prints help and errors itself, then throws ParseEnd.
[[nodiscard]] Options parse_options(int argc, char** argv);

} // namespace ipcdev
