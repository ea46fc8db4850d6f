// SPDX-License-Identifier: MIT
//
// Many threads of another process wait to read. One message at a time is written, and
// the next one when somebody has got it: does it cost more the more are waiting? Nobody
// is woken for that: on one processor whoever got it would lose it, and not wait again
// yet when the next message comes. So it is yielded until then.
#include <pthread.h>
#include <sched.h>

#include <filesystem>
#include <fstream>

#include "crew.h"
#include "measure.h"
#include "measures/timing.h"
#include "support/descriptor.h"
#include "support/errors.h"
#include "support/waiting.h"

namespace ipcdev::bench {

namespace {

constexpr std::size_t stack_bytes = 64UL * 1024;

struct Reader {
    Channel& channel;
    FutexWord& received;
    std::size_t bytes;
};

// A failure ends the process, which the parent sees.
void* read_for_ever(void* argument) {
    const auto& reader = *static_cast<Reader*>(argument);
    std::vector<std::byte> message(reader.bytes);
    for (;;) {
        reader.channel.receive(message);
        reader.received.fetch_add(1);
    }
}

// It never returns: it is killed.
Usage read_in_threads(Crew& crew, Reader reader, unsigned threads) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_bytes);
    for (unsigned i = 0; i < threads; ++i) {
        pthread_t thread{};
        errno = pthread_create(&thread, &attributes, read_for_ever, &reader);
        if (errno != 0) {
            test::throw_errno("pthread_create");
        }
    }
    crew.ready();
    for (;;) {
        pause();
    }
}

// Also the first thread, which only waits for its end.
bool all_threads_sleep(pid_t process, unsigned threads) {
    unsigned sleeping = 0;
    std::error_code gone;
    const std::filesystem::directory_iterator tasks("/proc/" + std::to_string(process) + "/task",
                                                    gone);
    for (const auto& task : tasks) {
        std::ifstream file(task.path() / "stat");
        std::string line;
        std::getline(file, line);
        const auto name_end = line.rfind(')');
        if (name_end != std::string::npos && line.compare(name_end, 3, ") S") == 0) {
            ++sleeping;
        }
    }
    return sleeping == threads + 1;
}

Sample take(const Peer& peer, const Case& what, const Effort& effort) {
    const auto channel = peer.open({.message_bytes = what.bytes});
    Crew crew;
    crew.add(effort.placement.there(), [&] {
        return read_in_threads(
            crew, {.channel = *channel, .received = crew.counter(), .bytes = what.bytes},
            what.parameter);
    });
    crew.start();
    for (unsigned attempt = 0; !all_threads_sleep(crew.pid_of(0), what.parameter); ++attempt) {
        interruption::check();
        test::back_off(attempt);
    }
    const std::vector<std::byte> message(what.bytes);
    std::uint32_t sent = 0;
    const auto once = [&] {
        channel->send(message);
        ++sent;
        while (crew.counter().load() != sent) {
            interruption::check();
            sched_yield();
        }
    };
    return time_turns(effort, 1, once);
}

} // namespace

Measure parked_readers() {
    return {.name = "parked-readers",
            .what =
                "a message of 64 bytes to one of that many waiting threads, until it has got it",
            .unit = "time",
            .parameter = "readers",
            .counted_iterations = 200,
            .cases =
                [](const Scope& scope) {
                    return one_per(scope.brief ? std::vector<unsigned>{1, 16}
                                               : std::vector<unsigned>{1, 16, 64, 1000});
                },
            .why_not =
                [](const Peer& peer, const Case& what) {
                    return first_reason({peer.abilities.no_two_processes, peer.abilities.no_crowd,
                                         why_no_message_of(peer, what.bytes),
                                         what.parameter > peer.abilities.parked_max
                                             ? "so many only of the device and the pipe"
                                             : ""});
                },
            .take = take};
}

} // namespace ipcdev::bench
