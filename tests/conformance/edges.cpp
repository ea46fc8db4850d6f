// SPDX-License-Identifier: MIT
//
// Edge-triggered epoll, from the contract's chapter 'poll, select, epoll': an
// edge after every message that is queued, and when a full fifo gets room. More
// edges than needed are allowed, so a missing one is waited for (the watchdog
// ends that) and a needless one is drained.
#include <sys/epoll.h>

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
};

// --- after every message that is queued

TEST_F(Edges, OneComesAfterEveryMessageThatIsQueued) {
    const int instance = watch(a, EPOLLIN);
    for (int i = 0; i < IPCDEV_DEPTH_DEFAULT; ++i) {
        write_ok(b, std::to_string(i));
        expect_edge(a, instance, EPOLLIN);
    }
}

TEST_F(Edges, OneWakesAWaiterAfterEveryMessageThatIsQueued) {
    contract("edge-triggered epoll gets an edge after every message that is queued");
    const int instance = watch(a, EPOLLIN);
    for (int i = 0; i < 20; ++i) {
        a.start_epoll_wait(instance);
        waits(a);
        write_ok(b, std::to_string(i));
        expect_events(a.result(), EPOLLIN);
    }
}

TEST_F(Edges, OneComesAfterEveryMessageOfASlot) {
    contract("edge-triggered epoll gets an edge after every message that is queued: slot");
    become_slot();
    const int instance = watch(a, EPOLLIN);
    for (int i = 0; i < 20; ++i) {
        write_ok(b, std::to_string(i));
        expect_edge(a, instance, EPOLLIN);
    }
}

TEST_F(Edges, OneComesAfterEveryMessageThatIsAdmittedFromAParkedWriter) {
    contract("edge-triggered epoll gets an edge after every message that is queued");
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
    contract("edge-triggered epoll gets an edge, every instance of every open");
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
    contract("edge-triggered epoll gets an edge after every message (several may come as one)");
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
    contract("edge-triggered epoll gets an edge after every message that is queued");
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

// --- when a full fifo gets room

TEST_F(Edges, OneComesWhenAFullFifoGetsRoom) {
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
    contract("edge-triggered epoll gets an edge when a full fifo gets room");
    become_fifo(2);
    fill(b);
    const int instance = watch(a, EPOLLOUT);
    a.start_epoll_wait(instance);
    waits(a);
    expect_read(b, "0");
    expect_events(a.result(), EPOLLOUT);
}

TEST_F(Edges, OneComesWhenAFullFifoIsCleared) {
    contract("edge-triggered epoll gets an edge when a full fifo gets room");
    become_fifo(2);
    fill(b);
    const int instance = watch(a, EPOLLOUT);
    observer().clear();
    expect_edge(a, instance, EPOLLOUT);
}

TEST_F(Edges, OneComesWhenTheRestOfAMessageMakesRoom) {
    contract("edge-triggered epoll gets an edge when a full fifo gets room");
    become_fifo(1);
    write_ok(b, "abc");
    const int instance = watch(a, EPOLLOUT);
    expect_read(b, "ab", 2);
    expect_no_edge(a, instance);
    expect_read(b, "c");
    expect_edge(a, instance, EPOLLOUT);
}

TEST_F(Edges, TheWatcherOfBothGetsBoth) {
    contract("edge-triggered epoll gets an edge after every message, and when there is room");
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
    const int instance = watch(a, EPOLLIN);
    read_parks(b);
    write_ok(c, "for b");
    expect_read(b, "for b");
    expect_no_edge(a, instance);
}

TEST_F(Edges, NoneComesForTheRestThatAShortReadLeft) {
    contract("a remainder left by a short read makes no edge");
    const int instance = watch(a, EPOLLIN);
    write_ok(b, "abcdef");
    expect_edge(a, instance, EPOLLIN);
    drain(a, instance);
    expect_read(b, "abc", 3);
    expect_no_edge(a, instance);
    expect_read(b, "def");
}

// --- a new watcher

TEST_F(Edges, TheFirstReportsWhatIsSoAlready) {
    contract("edge-triggered epoll reports at first what is so already");
    write_ok(b, "x");
    const int instance = a.epoll(EPOLLIN | EPOLLOUT | EPOLLET);
    expect_edge(a, instance, EPOLLIN | EPOLLOUT);
}

} // namespace
} // namespace ipcdev::conformance
