// SPDX-License-Identifier: MIT
//
// A message goes to another process, which sends it back by a second channel. Either
// both block in their calls, or both wait by epoll and then read without blocking.
#include <sys/epoll.h>

#include "crew.h"
#include "measure.h"
#include "measures/timing.h"
#include "support/descriptor.h"
#include "support/errors.h"

namespace ipcdev::bench {

namespace {

// Receives as a blocking client does.
class Blocking {
  public:
    explicit Blocking(Channel& channel) : channel_(channel) { channel_.become_receiver(); }
    void receive(std::span<std::byte> message) const { channel_.receive(message); }

  private:
    Channel& channel_;
};

// Receives as a client with an event loop does: waits, then reads.
class Polling {
  public:
    explicit Polling(Channel& channel)
        : channel_(channel), events_(test::checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
        channel_.become_receiver();
        channel_.set_non_blocking(Side::receiving);
        epoll_event interest{.events = EPOLLIN, .data = {}};
        test::checked(epoll_ctl(events_.get(), EPOLL_CTL_ADD, channel_.pollable(), &interest),
                      "epoll_ctl");
    }
    void receive(std::span<std::byte> message) const {
        do {
            epoll_event event{};
            while (epoll_wait(events_.get(), &event, 1, -1) == -1) {
                interruption::retry_or_throw("epoll_wait");
            }
        } while (!channel_.receive(message));
    }

  private:
    Channel& channel_;
    test::Descriptor events_;
};

template <typename Receiver>
Usage echo(Crew& crew, Channel& there, Channel& back, std::size_t bytes, const Effort& effort) {
    const Receiver receiver(there);
    std::vector<std::byte> message(bytes);
    crew.ready();
    const auto once = [&] {
        receiver.receive(message);
        back.send(message);
    };
    for (std::uint64_t i = 0; i < effort.warm_up; ++i) {
        once();
    }
    const UsageClock clock;
    for (std::uint64_t i = 0; i < effort.iterations; ++i) {
        once();
    }
    return clock.stop();
}

template <typename Receiver> Sample take(const Peer& peer, const Case& what, const Effort& effort) {
    const auto there = peer.open({.message_bytes = what.bytes, .index = 0});
    const auto back = peer.open({.message_bytes = what.bytes, .index = 1});
    Crew crew;
    crew.add(effort.placement.there(),
             [&] { return echo<Receiver>(crew, *there, *back, what.bytes, effort); });
    const Receiver receiver(*back);
    std::vector<std::byte> message(what.bytes);
    const auto once = [&] {
        there->send(message);
        receiver.receive(message);
    };
    crew.start();
    for (std::uint64_t i = 0; i < effort.warm_up; ++i) {
        once();
    }
    const UsageClock clock;
    std::vector<double> trips;
    if (effort.time_each) {
        trips = sorted_times(effort.iterations, once);
    } else {
        for (std::uint64_t i = 0; i < effort.iterations; ++i) {
            once();
        }
    }
    const Usage usage = clock.stop();
    crew.finish();

    const auto iterations = static_cast<double>(effort.iterations);
    Sample sample{.elapsed_ns = usage.ended_ns - usage.began_ns};
    sample.value = static_cast<double>(sample.elapsed_ns) / iterations;
    sample.details["mean"] = sample.value;
    if (effort.time_each) {
        sample.value = quantile(trips, 0.5); // see time_turns
        sample.details["p99"] = quantile(trips, 0.99);
        sample.details["p99.9"] = quantile(trips, 0.999);
    }
    const long switches = usage.switches + crew.usages().front().switches;
    sample.details["switches per message"] = static_cast<double>(switches) / (2 * iterations);
    return sample;
}

// What poll adds does not depend on the size.
std::vector<Case> short_and_long(const Scope& scope) {
    auto cases = one_per_size(scope);
    std::erase_if(cases, [](const Case& what) { return what.bytes != 64 && what.bytes != 4096; });
    return cases;
}

std::string why_no_trip(const Peer& peer, const Case& what) {
    return first_reason({peer.abilities.no_two_processes, peer.abilities.no_way_back,
                         why_no_message_of(peer, what.bytes)});
}

} // namespace

Measure round_trip() {
    return {.name = "round-trip",
            .what = "a message to another process and one back; the median trip",
            .unit = "time",
            .counted_iterations = 150,
            .cases = one_per_size,
            .why_not = why_no_trip,
            .take = take<Blocking>};
}

Measure polled_round_trip() {
    return {.name = "polled-round-trip",
            .what = "the same between clients that wait by epoll, then read without blocking",
            .unit = "time",
            .counted_iterations = 150,
            .cases = short_and_long,
            .why_not =
                [](const Peer& peer, const Case& what) {
                    return first_reason({why_no_trip(peer, what), peer.abilities.no_poll});
                },
            .take = take<Polling>};
}

} // namespace ipcdev::bench
