// SPDX-License-Identifier: MIT
//
// One process writes messages as fast as it can, another one reads them: as the peer
// comes, or with room for a given number of messages.
#include <sched.h>

#include "crew.h"
#include "measure.h"
#include "support/errors.h"

namespace ipcdev::bench {

namespace {

// As the scheduler does it: a reader that is woken takes the processor from the writer
// at once, or not, as the kernel has it. Or with SCHED_BATCH, where it never does: the
// queue fills and is emptied, and there are as few switches as its depth allows.
enum class Scheduling { usual, batch };

// For the time of a sample; its helpers inherit it. Who runs at real-time priority, where
// who is woken has to wait too, goes on so.
class Scheduled {
  public:
    explicit Scheduled(Scheduling scheduling)
        : changes_(scheduling == Scheduling::batch &&
                   test::checked(sched_getscheduler(0), "sched_getscheduler") == SCHED_OTHER) {
        if (changes_) {
            test::checked(sched_setscheduler(0, SCHED_BATCH, &none_), "sched_setscheduler");
        }
    }
    Scheduled(const Scheduled&) = delete;
    Scheduled& operator=(const Scheduled&) = delete;
    ~Scheduled() {
        if (changes_) {
            sched_setscheduler(0, SCHED_OTHER, &none_);
        }
    }

  private:
    sched_param none_{};
    bool changes_;
};

Usage write_all(Crew& crew, Channel& channel, std::size_t bytes, const Effort& effort) {
    const std::vector<std::byte> message(bytes);
    for (std::uint64_t i = 0; i < effort.warm_up; ++i) {
        channel.send(message);
    }
    crew.ready();
    const UsageClock clock;
    for (std::uint64_t i = 0; i < effort.iterations; ++i) {
        channel.send(message);
    }
    return clock.stop();
}

Sample take(const Peer& peer, const Shape& shape, const Effort& effort,
            Scheduling scheduling = Scheduling::usual) {
    const Scheduled scheduled(scheduling);
    const auto channel = peer.open(shape);
    channel->become_receiver();
    Crew crew;
    crew.add(effort.placement.there(),
             [&] { return write_all(crew, *channel, shape.message_bytes, effort); });
    std::vector<std::byte> message(shape.message_bytes);
    for (std::uint64_t i = 0; i < effort.warm_up; ++i) {
        channel->receive(message);
    }
    // With nothing on its way: what was written before the clock would count as free.
    crew.start();
    const UsageClock clock;
    for (std::uint64_t i = 0; i < effort.iterations; ++i) {
        channel->receive(message);
    }
    const Usage usage = clock.stop();
    crew.finish();

    const auto iterations = static_cast<double>(effort.iterations);
    const Usage writer = crew.usages().front();
    const long switches = usage.switches + writer.switches;
    Sample sample{.elapsed_ns = usage.ended_ns - writer.began_ns};
    sample.value = 1e9 * iterations / static_cast<double>(sample.elapsed_ns);
    sample.details["switches per message"] = static_cast<double>(switches) / iterations;
    return sample;
}

std::string why_no_throughput(const Peer& peer, const Case& what) {
    return first_reason({peer.abilities.no_two_processes, why_no_message_of(peer, what.bytes)});
}

} // namespace

Measure throughput() {
    return {.name = "throughput",
            .what = "messages from one process to another, as many as go",
            .unit = "rate",
            .higher_is_better = true,
            .counted_iterations = 1000,
            .cases = one_per_size,
            .why_not = why_no_throughput,
            .take = [](const Peer& peer, const Case& what, const Effort& effort) {
                return take(peer, {.message_bytes = what.bytes}, effort);
            }};
}

Measure streaming() {
    return {.name = "streaming",
            .what = "the same by processes that the scheduler lets finish (SCHED_BATCH)",
            .unit = "rate",
            .higher_is_better = true,
            .counted_iterations = 2000,
            .cases = one_per_size,
            .why_not = why_no_throughput,
            .take = [](const Peer& peer, const Case& what, const Effort& effort) {
                return take(peer, {.message_bytes = what.bytes}, effort, Scheduling::batch);
            }};
}

Measure throughput_by_depth() {
    return {.name = "throughput-by-depth",
            .what = "the same with 64 bytes and room for that many messages (SCHED_BATCH too)",
            .unit = "rate",
            .higher_is_better = true,
            .parameter = "depth",
            .counted_iterations = 1000,
            .cases =
                [](const Scope& scope) {
                    return one_per(scope.brief ? std::vector<unsigned>{1, 16}
                                               : std::vector<unsigned>{1, 2, 4, 16, 64, 256});
                },
            .why_not =
                [](const Peer& peer, const Case& what) {
                    const bool too_deep = what.parameter > peer.abilities.depth_max;
                    return first_reason({why_no_throughput(peer, what), peer.abilities.no_depth,
                                         too_deep ? peer.abilities.no_deeper : ""});
                },
            .take =
                [](const Peer& peer, const Case& what, const Effort& effort) {
                    return take(peer, {.message_bytes = what.bytes, .depth = what.parameter},
                                effort, Scheduling::batch);
                }};
}

} // namespace ipcdev::bench
