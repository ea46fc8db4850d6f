// SPDX-License-Identifier: MIT
//
// Each kind of request: a state that it meets, the request, and what must have become of it and of
// everybody else whichever instruction of it was the server's last.
#pragma once

#include <span>

#include "run.h"

namespace ipcdev::keep_tests {

struct Scenario {
    const char* name;
    void (*play)(Run&);
    bool also_recovery = false; // is worth a second kill, in the recovery after the first
    bool ends = false;          // the device ends
};

[[nodiscard]] std::span<const Scenario> reads_and_writes();
[[nodiscard]] std::span<const Scenario> all_but_reads_and_writes();

} // namespace ipcdev::keep_tests
