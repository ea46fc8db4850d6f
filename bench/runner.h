// SPDX-License-Identifier: MIT
//
// Takes the samples. For each case of each measure the peers take turns, once per
// repetition: what disturbs the machine meanwhile hits them alike, and the n-th sample
// of one may be compared with the n-th of another.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "measure.h"
#include "peers/peers.h"

namespace ipcdev::bench {

struct Plan {
    Scope scope;
    unsigned repetitions = 0;
    std::chrono::nanoseconds sample_time{}; // what a sample takes about
    bool counts_instructions = false;       // the clock does: iterations are fixed then
    std::chrono::milliseconds time_limit{}; // of a sample, after which it has failed
};

// One peer in one case.
struct Cell {
    std::string measure;
    std::string peer;
    Case what;
    std::uint64_t iterations = 0;
    std::vector<Sample> samples; // one a repetition, or none:
    std::string not_measured;    // the reason then
    bool failed = false;         // and it ought to have worked
};

// Throws interruption::Stopped.
[[nodiscard]] std::vector<Cell> run(const std::vector<Measure>& measures, const Peers& peers,
                                    const Placement& placement, const Plan& plan);

} // namespace ipcdev::bench
