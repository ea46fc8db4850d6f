// SPDX-License-Identifier: MIT
//
// One thread writes a message and reads it: what the calls and the copies cost, with
// nobody to wake.
#include "measures/timing.h"

namespace ipcdev::bench {

namespace {

Sample take(const Peer& peer, const Case& what, const Effort& effort) {
    const auto channel = peer.open({.message_bytes = what.bytes});
    channel->become_receiver();
    std::vector<std::byte> message(what.bytes);
    const auto once = [&] {
        channel->send(message);
        channel->receive(message);
    };
    return time_turns(effort, turns_at_once, once);
}

} // namespace

Measure same_thread() {
    return {.name = "same-thread",
            .what = "one thread writes a message, then reads it",
            .unit = "time",
            .counted_iterations = 150,
            .cases = one_per_size,
            .why_not = [](const Peer& peer,
                          const Case& what) { return why_no_message_of(peer, what.bytes); },
            .take = take};
}

} // namespace ipcdev::bench
