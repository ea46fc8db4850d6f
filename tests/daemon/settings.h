// SPDX-License-Identifier: MIT
//
// What the command line says. Set once by main(), before any test.
#pragma once

#include <chrono>
#include <string>

namespace ipcdev::daemon_tests {

struct TestSettings {
    std::string daemon;             // the program under test
    unsigned slowness = 1;          // how much slower than a usual machine this one is
    unsigned starts = 0;            // of a daemon under clients; 0: as many as is usual
    std::chrono::seconds limit{30}; // for one test, and 1 for each of starts; times slowness
};

[[nodiscard]] const TestSettings& settings();

// Takes what gtest left over, $IPCDEV_SLOWNESS and $IPCDEV_STARTS. On a mistake prints the
// usage and exits with status 2.
void parse_settings(int argc, char** argv);

// Rounds of a test that repeats itself: fewer on a slow machine.
[[nodiscard]] inline int rounds(int usual) {
    const int fewer = usual / static_cast<int>(settings().slowness);
    return fewer > 2 ? fewer : 2;
}

// Of a test that starts a daemon again and again while clients use it.
[[nodiscard]] inline int starts(int usual) {
    return settings().starts != 0 ? static_cast<int>(settings().starts) : rounds(usual);
}

} // namespace ipcdev::daemon_tests
