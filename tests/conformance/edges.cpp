// SPDX-License-Identifier: MIT
//
// Edge-triggered epoll, from the contract's chapter 'poll, select, epoll': an
// edge after every message that is queued, and when a full fifo gets room. More
// edges than needed are allowed, so a missing one is waited for (the watchdog
// ends that) and a needless one is drained.
#include <array>
#include <cerrno>

#include <sys/epoll.h>
#include <unistd.h>

#include "device_test.h"

namespace ipcdev::conformance {
namespace {

class Edges : public DeviceTest {
  protected:
    // An instance that has reported what was so when it began to watch.
    static int watch(Client& client, std::uint32_t events) {
        const int instance = client.epoll(events | EPOLLET);
        drain(client, instance);
        return instance;
    }
    static void drain(Client& client, int instance) {
        while (client.epoll_wait(instance).result > 0) {
        }
    }
    static void expect_edge(Client& client, int instance, std::uint32_t events,
                            Where where = Where::here()) {
        expect_events(client.epoll_wait(instance, -1), events, where);
    }
    static void expect_no_edge(Client& client, int instance, Where where = Where::here()) {
        expect_events(client.epoll_wait(instance), 0, where);
    }

    static constexpr int many = 1000;
    static constexpr const char* the_end = "the end";

    // Messages, as fast as they are taken; the result is how many.
    static void start_writing(Client& client) {
        client.start([](const Call& call) {
            int written = 0;
            while (written < many && write(call.fd, "m", 1) == 1) {
                ++written;
            }
            return outcome(written);
        });
    }
    // Until it has read the_end: reads until EAGAIN, and waits for an edge. The result is
    // how many messages it has read before.
    static void start_reading_by_edges(Client& client) {
        client.set_nonblocking();
        const int instance = client.epoll(EPOLLIN | EPOLLET);
        client.start(
            [](const Call& call) {
                for (std::int64_t got = 0;;) {
                    epoll_event event{};
                    if (epoll_wait(static_cast<int>(call.numbers[0]), &event, 1, -1) != 1) {
                        return outcome(-1);
                    }
                    std::array<char, 16> bytes{};
                    ssize_t size = 0;
                    while ((size = read(call.fd, bytes.data(), bytes.size())) == 1) {
                        ++got;
                    }
                    if (size != -1 || errno != EAGAIN) {
                        return size > 1 ? outcome(got) : outcome(-1);
                    }
                }
            },
            {.fd = Client::own, .numbers = {instance}, .bytes = {}});
    }
};

// --- after every message that is queued

TEST_F(Edges, OneComesAfterEveryMessageThatIsQueued) {
    contract("P4");
    const int instance = watch(a, EPOLLIN);
    for (int i = 0; i < IPCDEV_DEPTH_DEFAULT; ++i) {
        write_ok(b, std::to_string(i));
        expect_edge(a, instance, EPOLLIN);
    }
}

TEST_F(Edges, OneWakesAWaiterAfterEveryMessageThatIsQueued) {
    contract("P4");
    const int instance = watch(a, EPOLLIN);
    for (int i = 0; i < 20; ++i) {
        a.start_epoll_wait(instance);
        waits(a);
        write_ok(b, std::to_string(i));
        expect_events(a.result(), EPOLLIN);
    }
}

TEST_F(Edges, OneComesAfterEveryMessageOfASlot) {
    contract("P4");
    become_slot();
    const int instance = watch(a, EPOLLIN);
    for (int i = 0; i < 20; ++i) {
        write_ok(b, std::to_string(i));
        expect_edge(a, instance, EPOLLIN);
    }
}

TEST_F(Edges, OneComesAfterEveryMessageThatIsAdmittedFromAParkedWriter) {
    contract("P4");
    become_fifo(1);
    fill(c);
    const int instance = watch(a, EPOLLIN);
    write_parks(b, "parked");
    drain(a, instance);
    expect_read(c, "0");
    expect_edge(a, instance, EPOLLIN);
    expect_written(b, 6);
}

TEST_F(Edges, OneComesForEachWatcher) {
    contract("P4");
    const int first = watch(a, EPOLLIN);
    const int second = watch(a, EPOLLIN);
    const int others = watch(b, EPOLLIN);
    for (int i = 0; i < 10; ++i) {
        write_ok(c, std::to_string(i));
        expect_edge(a, first, EPOLLIN);
        expect_edge(a, second, EPOLLIN);
        expect_edge(b, others, EPOLLIN);
    }
}

TEST_F(Edges, SeveralMessagesMayComeAsOne) {
    contract("P4");
    const int instance = watch(a, EPOLLIN);
    for (int round = 0; round < 20; ++round) {
        write_ok(b, "1");
        write_ok(b, "2");
        write_ok(b, "3");
        expect_edge(a, instance, EPOLLIN);
        expect_read(a, "1");
        expect_read(a, "2");
        expect_read(a, "3");
    }
}

// The classic loop: read until EAGAIN, then wait for the next edge. A message
// that made no edge would end it.
TEST_F(Edges, ReadingUntilEAGAINAndWaitingLosesNoMessage) {
    contract("P4");
    open_ok(a, O_RDWR | O_NONBLOCK);
    const int instance = watch(a, EPOLLIN);
    constexpr int messages = 100;
    int got = 0;
    static_cast<void>(b.fd());
    for (int i = 0; i < messages; ++i) {
        b.start_write(std::to_string(i));
        while (got <= i) {
            expect_edge(a, instance, EPOLLIN);
            for (Outcome read; (read = a.read(whole_message)).result > 0; ++got) {
                ASSERT_EQ(read.bytes, std::to_string(got));
            }
        }
        static_cast<void>(b.result());
    }
}

// The same against writers that don't wait for it, so that messages come at every moment
// of its rounds: while it sleeps, is woken, asks what there is, reads. With depth 1 each
// edge is needed, since the writers then wait too.
TEST_F(Edges, NoneIsLostBetweenAWakeUpAndTheNextWait) {
    contract("P4");
    become_fifo(1);
    start_reading_by_edges(a);
    start_writing(b);
    start_writing(c);
    expect_result(b.result(), many);
    expect_result(c.result(), many);
    write_ok(d, the_end);
    expect_result(a.result(), 2 * many);
}

// The first to be woken takes the message; the others wait anew.
TEST_F(Edges, NoneIsLostByOneOfSeveralWatchers) {
    contract("P4");
    open_ok(a);
    Client second = a.thread("second of the open");
    const std::vector<Client*> watchers{&a, &second, &b};
    for (Client* watcher : watchers) {
        start_reading_by_edges(*watcher);
    }
    start_writing(c);
    start_writing(d);
    expect_result(c.result(), many);
    expect_result(d.result(), many);
    for (std::size_t i = 0; i < watchers.size(); ++i) { // each takes one
        write_ok(c, the_end);
    }
    std::int64_t got = 0;
    for (Client* watcher : watchers) {
        got += watcher->result().result;
    }
    EXPECT_EQ(got, 2 * many);
}

// --- when a full fifo gets room

TEST_F(Edges, OneComesWhenAFullFifoGetsRoom) {
    contract("P4");
    become_fifo(1);
    fill(b);
    const int instance = watch(a, EPOLLOUT);
    for (int i = 0; i < 20; ++i) {
        static_cast<void>(b.read(whole_message));
        expect_edge(a, instance, EPOLLOUT);
        write_ok(b, "full again");
        drain(a, instance);
    }
}

TEST_F(Edges, OneWakesAWaiterWhenAFullFifoGetsRoom) {
    contract("P4");
    become_fifo(2);
    fill(b);
    const int instance = watch(a, EPOLLOUT);
    a.start_epoll_wait(instance);
    waits(a);
    expect_read(b, "0");
    expect_events(a.result(), EPOLLOUT);
}

TEST_F(Edges, OneComesWhenAFullFifoIsCleared) {
    contract("P4");
    become_fifo(2);
    fill(b);
    const int instance = watch(a, EPOLLOUT);
    observer().clear();
    expect_edge(a, instance, EPOLLOUT);
}

TEST_F(Edges, OneComesWhenTheRestOfAMessageMakesRoom) {
    contract("P4");
    become_fifo(1);
    write_ok(b, "abc");
    const int instance = watch(a, EPOLLOUT);
    expect_read(b, "ab", 2);
    expect_no_edge(a, instance);
    expect_read(b, "c");
    expect_edge(a, instance, EPOLLOUT);
}

TEST_F(Edges, TheWatcherOfBothGetsBoth) {
    contract("P4");
    become_fifo(1);
    const int instance = watch(a, EPOLLIN | EPOLLOUT);
    for (int i = 0; i < 10; ++i) {
        write_ok(b, "x");
        expect_edge(a, instance, EPOLLIN);
        drain(a, instance);
        expect_read(b, "x");
        expect_edge(a, instance, EPOLLOUT);
        drain(a, instance);
    }
}

// --- what makes none

TEST_F(Edges, NoneComesForAMessageHandedStraightToAParkedReader) {
    contract("P4");
    const int instance = watch(a, EPOLLIN);
    read_parks(b);
    write_ok(c, "for b");
    expect_read(b, "for b");
    expect_no_edge(a, instance);
}

TEST_F(Edges, NoneComesForTheRestThatAShortReadLeft) {
    contract("P4");
    const int instance = watch(a, EPOLLIN);
    write_ok(b, "abcdef");
    expect_edge(a, instance, EPOLLIN);
    drain(a, instance);
    expect_read(b, "abc", 3);
    expect_no_edge(a, instance);
    expect_read(b, "def");
}

TEST_F(Edges, NoneComesToTheOpenThatLeftTheRestEither) {
    contract("P4");
    const int instance = watch(a, EPOLLIN);
    write_ok(b, "abcdef");
    expect_edge(a, instance, EPOLLIN);
    drain(a, instance);
    expect_read(a, "abc", 3);
    expect_no_edge(a, instance);
    expect_read(a, "def");
}

// What a read that faults gives back to its own open may make one.
TEST_F(Edges, TheClassicLoopFinishesAMessageThoughReadsFault) {
    contract("P4", "R8");
    open_ok(a, O_RDWR | O_NONBLOCK);
    const int instance = watch(a, EPOLLIN);
    write_ok(b, "abcdef");
    expect_edge(a, instance, EPOLLIN);
    expect_read(a, "ab", 2);
    expect_error(a.read_into_bad_buffer(100), EFAULT);
    expect_read(a, "cdef");
    expect_error(a.read(1), EAGAIN);
    write_ok(b, "next");
    expect_edge(a, instance, EPOLLIN);
}

// --- a new watcher

TEST_F(Edges, TheFirstReportsWhatIsSoAlready) {
    contract("P4");
    write_ok(b, "x");
    const int instance = a.epoll(EPOLLIN | EPOLLOUT | EPOLLET);
    expect_edge(a, instance, EPOLLIN | EPOLLOUT);
}

} // namespace
} // namespace ipcdev::conformance
