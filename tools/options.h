// SPDX-License-Identifier: MIT
//
// Reads and checks the command line and environment.
#pragma once

#include <string>

#include "uapi/ipcdev.h"

namespace ipcdev {

enum class Command { info, stats, waiters, configure, clear };

struct Options {
    Command command = Command::info;
    std::string device = "/dev/" IPCDEV_DEFAULT_NAME;
    bool json = false;
    ipcdev_configure change{}; // for configure: fields that are 0 keep their setting
};

// Thrown when parsing ends without options: --help, --version or a mistake.
struct ParseEnd {
    int exit_status; // 0, or 2 for wrong options
};

// Prints help and errors itself, then throws ParseEnd.
[[nodiscard]] Options parse_options(int argc, char** argv);

} // namespace ipcdev
