// SPDX-License-Identifier: MIT
//
// How many system calls a message takes: of the client that writes and reads it, and
// of the daemon, if there is one, for each of the client's two.
#include "crew.h"
#include "measure.h"
#include "peers/memory.h"
#include "tracer.h"

namespace ipcdev::bench {

namespace {

// What a process does at its start and end is in both, and goes with the difference.
constexpr std::uint64_t few = 10;
constexpr std::uint64_t many = 60;
constexpr double requests_a_message = 2;

struct Counts {
    bool servers_seen;
    SystemCalls few;
    SystemCalls many;
};

double a_message(std::uint64_t calls_of_few, std::uint64_t calls_of_many) {
    return (static_cast<double>(calls_of_many) - static_cast<double>(calls_of_few)) /
           static_cast<double>(many - few);
}

Sample take(const Peer& peer, const Case& what, const Effort& effort) {
    const auto channel = peer.open({.message_bytes = what.bytes});
    const Memory page(Source::anonymous, sizeof(Counts));
    auto& counts = *reinterpret_cast<Counts*>(page.data());
    const auto messages = [&](std::uint64_t times) {
        return [&, times] {
            channel->become_receiver();
            std::vector<std::byte> message(what.bytes);
            for (std::uint64_t i = 0; i < times; ++i) {
                channel->send(message);
                channel->receive(message);
            }
        };
    };
    const auto servers = peer.servers();
    Crew crew;
    crew.add(effort.placement.here(), [&] {
        Tracer tracer;
        crew.ready();
        counts.servers_seen = !servers.empty() && Tracer::seize(servers.front());
        counts.few = tracer.count(messages(few));
        counts.many = tracer.count(messages(many));
        return Usage{};
    });
    crew.start();
    crew.finish();

    Sample sample{.value = a_message(counts.few.client, counts.many.client)};
    if (counts.servers_seen) {
        sample.details["server's per request"] =
            a_message(counts.few.servers, counts.many.servers) / requests_a_message;
    }
    return sample;
}

} // namespace

Measure system_calls() {
    return {.name = "system-calls",
            .what = "system calls of a client that writes 8 bytes and reads them, by ptrace",
            .unit = "calls",
            .repeats_itself = true,
            .cases = [](const Scope&) { return std::vector<Case>{{.bytes = 8}}; },
            .why_not = [](const Peer& peer,
                          const Case& what) { return why_no_message_of(peer, what.bytes); },
            .take = take};
}

} // namespace ipcdev::bench
