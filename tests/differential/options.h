// SPDX-License-Identifier: MIT
//
// What the command line says.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

namespace ipcdev::differential {

struct Options {
    std::string device;
    std::string serve;  // command that serves {device}; empty: it is served already
    std::string replay; // a trace file, or empty
    std::string trace;  // file for the trace of a difference, or empty
    std::uint64_t operations = 20000;
    std::uint64_t seed = 1;
    std::uint64_t clients = 4;
    std::uint64_t hang_ms = 10000; // what hangs takes longer
    double slowness = 1;           // how much slower than a usual machine this one is

    // Scaled. A difference is played many times while it is shrunk, and may be one
    // that hangs.
    [[nodiscard]] std::chrono::milliseconds hang() const { return scaled(hang_ms); }
    [[nodiscard]] std::chrono::milliseconds hang_while_shrinking() const {
        return scaled(std::min<std::uint64_t>(hang_ms, 1000));
    }
    [[nodiscard]] std::chrono::milliseconds shrinking() const { return scaled(60000); }

  private:
    [[nodiscard]] std::chrono::milliseconds scaled(std::uint64_t ms) const {
        return std::chrono::milliseconds(static_cast<long>(static_cast<double>(ms) * slowness));
    }
};

// On a mistake prints the usage and exits with 2.
[[nodiscard]] Options parse_options(int argc, char** argv);

} // namespace ipcdev::differential
