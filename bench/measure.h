// SPDX-License-Identifier: MIT
//
// A measure: one question about a peer, asked for several cases.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "peer.h"
#include "placement.h"

namespace ipcdev::bench {

// What varies: the size of a message, and what the measure says (Measure::parameter).
struct Case {
    std::size_t bytes = 64;
    unsigned parameter = 0; // 0 if the measure has none
};

// What one sample is to do.
struct Effort {
    std::uint64_t iterations = 0;
    std::uint64_t warm_up = 0; // messages before what is measured
    bool time_each = false;    // else only all of them together
    const Placement& placement;
};

struct Sample {
    double value = 0;                        // in the unit of the measure
    std::uint64_t elapsed_ns = 0;            // of what was measured: to calibrate
    std::map<std::string, double> details{}; // what else was seen
};

// How long and how widely to look.
struct Scope {
    std::vector<std::size_t> sizes;
    bool brief = false;
    bool counted = false; // in an emulated machine, which is slow
};

struct Measure {
    std::string name;
    std::string what; // a sentence: what one value is
    std::string unit; // "time" becomes ns or instructions, "rate" messages by them
    bool higher_is_better = false;
    std::string parameter = "";  // what Case::parameter is, if it is something
    bool repeats_itself = false; // counts, which don't vary: iterations are not calibrated
    std::uint64_t counted_iterations =
        500; // where the clock counts instructions, or it repeats itself

    std::function<std::vector<Case>(const Scope&)> cases;
    // Empty if the peer can do it.
    std::function<std::string(const Peer&, const Case&)> why_not;
    std::function<Sample(const Peer&, const Case&, const Effort&)> take;
};

// What all measures ask first.
[[nodiscard]] std::string why_no_message_of(const Peer& peer, std::size_t bytes);
// The first reason that is not empty.
[[nodiscard]] std::string first_reason(std::initializer_list<std::string> reasons);

[[nodiscard]] std::vector<Case> one_per_size(const Scope& scope);
// 64-byte messages, for each parameter.
[[nodiscard]] std::vector<Case> one_per(const std::vector<unsigned>& parameters);

[[nodiscard]] Measure same_thread();
[[nodiscard]] Measure round_trip();
[[nodiscard]] Measure polled_round_trip();
[[nodiscard]] Measure throughput();
[[nodiscard]] Measure streaming();
[[nodiscard]] Measure batch();
[[nodiscard]] Measure standing_depth();
[[nodiscard]] Measure throughput_by_depth();
[[nodiscard]] Measure crowd();
[[nodiscard]] Measure parked_readers();
[[nodiscard]] Measure system_calls();
[[nodiscard]] Measure memory_per_message();

[[nodiscard]] std::vector<Measure> all_measures();

} // namespace ipcdev::bench
