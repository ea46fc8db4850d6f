// SPDX-License-Identifier: MIT
//
// The command line, checked.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "peers/peers.h"
#include "placement.h"

namespace ipcdev::bench {

struct Options {
    std::vector<ServedDevice> devices;
    Spread placement = Spread::one_core;
    std::vector<std::string> peers;    // none: all
    std::vector<std::string> measures; // none: all
    std::vector<std::size_t> sizes;
    unsigned repetitions = 0;
    std::chrono::milliseconds sample_time{};
    bool brief = false;
    bool list = false;
    bool instructions = false;
    std::string json;  // file, or empty
    std::string label; // kept in the result
};

// How parsing can end other than with options: --help, --version or a mistake.
struct ParseEnd {
    int exit_status; // 0, or 2 for wrong options
};

// Prints help and errors itself, then throws ParseEnd.
[[nodiscard]] Options parse_options(int argc, char** argv);

// For mistakes that show only later.
[[noreturn]] void wrong_use(const std::string& sentence);

} // namespace ipcdev::bench
