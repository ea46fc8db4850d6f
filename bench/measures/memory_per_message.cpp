// SPDX-License-Identifier: MIT
//
// What a queued message of 64 bytes takes: queues are filled, and what is missing then
// is divided by the messages. For a daemon that is its own memory (VmRSS), for the
// kernel's mechanisms MemAvailable, of which everybody takes: many messages in many
// queues, so that it shows, and on a busy machine a wide spread all the same.
#include <algorithm>

#include "crew.h"
#include "measure.h"
#include "memory_in_use.h"

namespace ipcdev::bench {

namespace {

constexpr std::size_t queues_max = 400;

// Grows as messages are queued. A daemon keeps memory for the next message, so that
// only the first filling shows what it takes: its memory counts from where it began.
double bytes_in_use(const Peer& peer) {
    const auto servers = peer.servers();
    return servers.empty() ? -available_bytes() : resident_bytes(servers.front());
}

std::uint64_t fill(Channel& channel, std::size_t bytes, std::uint64_t at_most) {
    const std::vector<std::byte> message(bytes);
    std::uint64_t sent = 0;
    while (sent < at_most && channel.send(message)) {
        ++sent;
    }
    return sent;
}

// One more queue, or none: who opens many meets a limit of the machine.
std::unique_ptr<Channel> one_more(const Peer& peer, const Shape& shape) {
    try {
        return peer.open(shape);
    } catch (const std::exception&) {
        return nullptr;
    }
}

Sample take(const Peer& peer, const Case& what, const Effort& effort) {
    const unsigned depth = peer.abilities.one_queue ? peer.abilities.depth_max : 0;
    const Shape shape{.message_bytes = what.bytes, .depth = depth};
    std::vector<std::unique_ptr<Channel>> queues;
    queues.push_back(peer.open(shape));
    const double before = peer.servers().empty() ? bytes_in_use(peer) : peer.server_bytes;
    if (!effort.time_each) {
        throw Unable("so many messages take too long where instructions are counted");
    }
    const std::uint64_t wanted = effort.iterations;
    std::uint64_t messages = 0;
    do {
        queues.back()->set_non_blocking(Side::sending);
        const std::uint64_t sent = fill(*queues.back(), what.bytes, wanted - messages);
        messages += sent;
        if (sent == 0 || peer.abilities.one_queue) {
            break;
        }
        queues.push_back(one_more(peer, shape));
    } while (messages < wanted && queues.back() != nullptr && queues.size() < queues_max);
    const double after = bytes_in_use(peer);

    Sample sample{.value =
                      (after - before) / static_cast<double>(std::max<std::uint64_t>(messages, 1))};
    sample.details["messages"] = static_cast<double>(messages);
    return sample;
}

} // namespace

Measure memory_per_message() {
    return {
        .name = "memory",
        .what = "memory of a queued message of 64 bytes: a daemon's VmRSS, else MemAvailable",
        .unit = "bytes",
        .repeats_itself = true,
        .counted_iterations = 400'000,
        .cases = [](const Scope&) { return std::vector<Case>{Case{}}; },
        .why_not =
            [](const Peer& peer, const Case& what) {
                return first_reason({peer.abilities.no_fill, why_no_message_of(peer, what.bytes)});
            },
        .take = take};
}

} // namespace ipcdev::bench
