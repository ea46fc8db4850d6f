// SPDX-License-Identifier: MIT
//
// Many processes write, and as many read, through one channel.
#include <algorithm>

#include "crew.h"
#include "measure.h"

namespace ipcdev::bench {

namespace {

// Of messages of one process: they don't begin at the same moment, nor end.
constexpr std::uint64_t least_each = 50;

Sample take(const Peer& peer, const Case& what, const Effort& effort) {
    const auto channel = peer.open({.message_bytes = what.bytes});
    const std::uint64_t each = std::max(least_each, effort.iterations / what.parameter);
    Crew crew;
    const auto work = [&](auto move) {
        std::vector<std::byte> message(what.bytes);
        crew.ready();
        const UsageClock clock;
        for (std::uint64_t i = 0; i < each; ++i) {
            move(message);
        }
        return clock.stop();
    };
    for (unsigned i = 0; i < what.parameter; ++i) {
        crew.add(effort.placement.here(),
                 [&] { return work([&](auto& message) { channel->receive(message); }); });
        crew.add(effort.placement.there(),
                 [&] { return work([&](auto& message) { channel->send(message); }); });
    }
    crew.start();
    crew.finish();

    const auto usages = crew.usages();
    const auto began = std::ranges::min(usages, {}, &Usage::began_ns).began_ns;
    const auto ended = std::ranges::max(usages, {}, &Usage::ended_ns).ended_ns;
    const auto messages = static_cast<double>(each * what.parameter);
    double switches = 0;
    for (const auto& usage : usages) {
        switches += static_cast<double>(usage.switches);
    }
    Sample sample{.elapsed_ns = ended - began};
    sample.value = 1e9 * messages / static_cast<double>(sample.elapsed_ns);
    sample.details["switches per message"] = switches / messages;
    return sample;
}

} // namespace

Measure crowd() {
    return {.name = "crowd",
            .what = "messages of 64 bytes from many processes to as many others",
            .unit = "rate",
            .higher_is_better = true,
            .parameter = "pairs",
            .counted_iterations = 512,
            .cases =
                [](const Scope& scope) {
                    std::vector<unsigned> pairs{1, 4};
                    if (!scope.brief) {
                        pairs.push_back(16);
                    }
                    if (!scope.brief && !scope.counted) {
                        pairs.push_back(64);
                    }
                    return one_per(pairs);
                },
            .why_not =
                [](const Peer& peer, const Case& what) {
                    return first_reason({peer.abilities.no_two_processes, peer.abilities.no_crowd,
                                         why_no_message_of(peer, what.bytes)});
                },
            .take = take};
}

} // namespace ipcdev::bench
