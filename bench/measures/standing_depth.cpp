// SPDX-License-Identifier: MIT
//
// A queue that is nearly full all the time: one thread writes a message into the last
// place and reads the one at the head. Does a message cost more the more are queued?
#include "measures/timing.h"

namespace ipcdev::bench {

namespace {

Sample take(const Peer& peer, const Case& what, const Effort& effort) {
    const auto channel = peer.open({.message_bytes = what.bytes, .depth = what.parameter});
    channel->become_receiver();
    std::vector<std::byte> message(what.bytes);
    for (unsigned queued = 1; queued < what.parameter; ++queued) {
        channel->send(message);
    }
    const auto once = [&] {
        channel->send(message);
        channel->receive(message);
    };
    return time_turns(effort, turns_at_once, once);
}

} // namespace

Measure standing_depth() {
    return {.name = "standing-depth",
            .what = "one thread writes 64 bytes and reads them, with that many messages queued",
            .unit = "time",
            .parameter = "depth",
            .counted_iterations = 150,
            .cases =
                [](const Scope& scope) {
                    return one_per(scope.brief ? std::vector<unsigned>{1, 256}
                                               : std::vector<unsigned>{1, 16, 256, 4096, 65536});
                },
            .why_not =
                [](const Peer& peer, const Case& what) {
                    const bool too_deep = what.parameter > peer.abilities.depth_max;
                    return first_reason({peer.abilities.no_two_processes, peer.abilities.no_depth,
                                         too_deep ? peer.abilities.no_deeper : ""});
                },
            .take = take};
}

} // namespace ipcdev::bench
