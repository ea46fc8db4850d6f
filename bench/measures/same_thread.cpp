// SPDX-License-Identifier: MIT
//
// One thread writes a message and reads it: what the calls and the copies cost, with
// nobody to wake.
#include "crew.h"
#include "measure.h"

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
    for (std::uint64_t i = 0; i < effort.warm_up; ++i) {
        once();
    }
    const std::uint64_t began = now_ns();
    for (std::uint64_t i = 0; i < effort.iterations; ++i) {
        once();
    }
    const std::uint64_t elapsed = now_ns() - began;
    return {.value = static_cast<double>(elapsed) / static_cast<double>(effort.iterations),
            .elapsed_ns = elapsed};
}

} // namespace

Measure same_thread() {
    return {.name = "same-thread",
            .what = "one thread writes a message, then reads it",
            .unit = "time",
            .cases = one_per_size,
            .why_not = [](const Peer& peer,
                          const Case& what) { return why_no_message_of(peer, what.bytes); },
            .take = take};
}

} // namespace ipcdev::bench
