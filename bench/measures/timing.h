// SPDX-License-Identifier: MIT
//
// How long one turn of something takes that is done again and again.
#pragma once

#include <algorithm>
#include <vector>

#include "crew.h"
#include "measure.h"
#include "statistics.h"

namespace ipcdev::bench {

// Each one's time, in order of time. The clock is read once a turn.
[[nodiscard]] std::vector<double> sorted_times(std::uint64_t turns, const auto& turn) {
    std::vector<double> times;
    times.reserve(turns);
    std::uint64_t last = now_ns();
    for (std::uint64_t i = 0; i < turns; ++i) {
        turn();
        const std::uint64_t now = now_ns();
        times.push_back(static_cast<double>(now - last));
        last = now;
    }
    std::ranges::sort(times);
    return times;
}

// Of a message in one thread: some are shorter than reading the clock.
inline constexpr std::uint64_t turns_at_once = 16;

// Warms up, then times as the effort says. The value is the median turn: the mean would
// be that of the accidents of a busy machine. `at_once` turns are timed together.
[[nodiscard]] Sample time_turns(const Effort& effort, std::uint64_t at_once, const auto& turn) {
    for (std::uint64_t i = 0; i < effort.warm_up; ++i) {
        turn();
    }
    const std::uint64_t began = now_ns();
    if (!effort.time_each) {
        for (std::uint64_t i = 0; i < effort.iterations; ++i) {
            turn();
        }
        const std::uint64_t elapsed = now_ns() - began;
        return {.value = static_cast<double>(elapsed) / static_cast<double>(effort.iterations),
                .elapsed_ns = elapsed};
    }
    const auto times = sorted_times((effort.iterations + at_once - 1) / at_once, [&] {
        for (std::uint64_t i = 0; i < at_once; ++i) {
            turn();
        }
    });
    return {.value = quantile(times, 0.5) / static_cast<double>(at_once),
            .elapsed_ns = now_ns() - began};
}

} // namespace ipcdev::bench
