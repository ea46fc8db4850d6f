// SPDX-License-Identifier: MIT
//
// One process writes many messages in one call, another one reads as many as a call
// gives. To be compared with `throughput`, which is a message a call.
#include <algorithm>

#include "crew.h"
#include "measure.h"

namespace ipcdev::bench {

namespace {

constexpr std::size_t bytes_of_a_call = 124UL * 1024; // what one request of FUSE holds

constexpr std::uint64_t least_calls = 50;

// As many messages as a call takes.
std::size_t messages_of_a_call(std::size_t bytes) {
    constexpr std::size_t frame_header = 8;
    return std::max<std::size_t>(1, bytes_of_a_call / (frame_header + (bytes + 7) / 8 * 8));
}

Usage write_batches(Crew& crew, Channel& channel, std::size_t bytes, std::size_t a_call,
                    std::uint64_t calls) {
    const std::vector<std::byte> messages(bytes * a_call);
    channel.send_batch(messages); // to warm up
    crew.ready();
    const UsageClock clock;
    for (std::uint64_t i = 0; i < calls; ++i) {
        channel.send_batch(messages);
    }
    return clock.stop();
}

void receive(Channel& channel, std::uint64_t messages) {
    for (std::uint64_t got = 0; got < messages;) {
        got += channel.receive_batch();
    }
}

Sample take(const Peer& peer, const Case& what, const Effort& effort) {
    const std::size_t a_call = messages_of_a_call(what.bytes);
    const std::uint64_t calls = std::max(least_calls, (effort.iterations + a_call - 1) / a_call);
    const std::uint64_t all = calls * a_call;
    // Room for a call while the one before it is read.
    const auto channel =
        peer.open({.message_bytes = what.bytes, .depth = static_cast<unsigned>(2 * a_call)});
    channel->become_receiver();
    Crew crew;
    crew.add(effort.placement.there(),
             [&] { return write_batches(crew, *channel, what.bytes, a_call, calls); });
    receive(*channel, a_call);
    crew.start(); // with nothing on its way
    const UsageClock clock;
    receive(*channel, all);
    const Usage usage = clock.stop();
    crew.finish();

    Sample sample{.elapsed_ns = usage.ended_ns - crew.usages().front().began_ns};
    sample.value = 1e9 * static_cast<double>(all) / static_cast<double>(sample.elapsed_ns);
    sample.details["messages per call"] = static_cast<double>(a_call);
    return sample;
}

} // namespace

Measure batch() {
    return {.name = "batch",
            .what = "messages from one process to another, as many a call as go",
            .unit = "rate",
            .higher_is_better = true,
            .counted_iterations = 8000,
            .cases = one_per_size,
            .why_not =
                [](const Peer& peer, const Case& what) {
                    return first_reason({peer.abilities.no_two_processes, peer.abilities.no_batch,
                                         why_no_message_of(peer, what.bytes)});
                },
            .take = take};
}

} // namespace ipcdev::bench
