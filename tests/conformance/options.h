// SPDX-License-Identifier: MIT
//
// What the command line says. Set once by main(), before any test.
#pragma once

#include <chrono>
#include <string>

namespace ipcdev::conformance {

struct Options {
    std::string device; // the path under test; all the suite knows of it
    std::string serve;  // command that serves {device}; empty: it is served already
    std::string result; // file for the result as JSON, or empty
    std::string label;  // copied into the result
    std::string command_line;
    double slowness = 1; // how much slower than a usual machine this one is

    // How long one test may take. Scaled.
    std::chrono::milliseconds watchdog{10000};

    [[nodiscard]] bool serves() const { return !serve.empty(); }
};

[[nodiscard]] const Options& options();

// Takes what gtest left over. On a mistake prints the usage and exits with 2.
void parse_options(int argc, char** argv, const std::string& command_line);

} // namespace ipcdev::conformance
