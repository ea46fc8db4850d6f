// SPDX-License-Identifier: MIT
//
// Chapter 'poll, select, epoll' of the contract. POLLERR at the end of the
// server is in end_of_device.cpp.
#include <array>

#include <sys/epoll.h>

#include "device_test.h"

namespace ipcdev::conformance {
namespace {

constexpr int all_events = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
constexpr std::uint32_t readable = POLLIN | POLLRDNORM;
constexpr std::uint32_t writable = POLLOUT | POLLWRNORM;

class Poll : public DeviceTest {
  protected:
    static void expect_mask(std::uint32_t mask, Client& client, Where where = Where::here()) {
        expect_events(client.poll(all_events), mask, where);
    }
    // A waiting poller that has to wake by now, with these events.
    static void wakes(Client& client, std::uint32_t events, Where where = Where::here()) {
        expect_events(client.result(), events, where);
    }
};

// --- what is readable, what is writable

TEST_F(Poll, AnEmptyFifoIsWritable) {
    contract("P1", "P2");
    expect_mask(writable, a);
}

TEST_F(Poll, AFifoWithAMessageAndRoomIsBoth) {
    contract("P1", "P2");
    write_ok(a, "x");
    expect_mask(readable | writable, a);
    expect_read(a, "x");
    expect_mask(writable, a);
}

TEST_F(Poll, AFullFifoIsReadable) {
    contract("P1", "P2");
    become_fifo(2);
    write_ok(a, "1");
    expect_mask(readable | writable, a);
    write_ok(a, "2");
    expect_mask(readable, a);
    expect_read(a, "1");
    expect_mask(readable | writable, a);
}

TEST_F(Poll, WhatAnOpenHasBegunIsReadableForThatOpenAlone) {
    contract("P1", "R4");
    become_fifo(1);
    const int own_epoll = a.epoll(EPOLLIN);
    const int others_epoll = b.epoll(EPOLLIN);
    write_ok(a, "abc");
    expect_read(a, "a", 1);
    expect_mask(readable, a);
    expect_mask(0, b);
    expect_events(a.select(POLLIN), POLLIN);
    expect_events(b.select(POLLIN), 0);
    expect_events(a.epoll_wait(own_epoll, -1), EPOLLIN);
    expect_events(b.epoll_wait(others_epoll), 0);
    expect_read(a, "bc");
    expect_mask(writable, a);
    expect_mask(writable, b);
}

TEST_F(Poll, WhatAnOpenHasBegunAndWhatIsQueuedAreReadableToBoth) {
    contract("P1");
    write_ok(a, "abc");
    write_ok(a, "queued");
    expect_read(a, "a", 1);
    expect_mask(readable | writable, a);
    expect_mask(readable | writable, b);
    expect_read(b, "queued");
    expect_mask(readable | writable, a);
    expect_mask(writable, b);
}

TEST_F(Poll, WhatAnOpenHasBegunIsReadableByItsDupsAndItsForks) {
    contract("P1");
    write_ok(b, "abc");
    expect_read(a, "a", 1);
    const Outcome copy = a.dup();
    Client child = a.fork("a's child");
    expect_events(a.poll(POLLIN, 0, static_cast<int>(copy.result)), POLLIN);
    expect_events(child.poll(POLLIN), POLLIN);
    expect_read(child, "bc");
    expect_events(a.poll(POLLIN), 0);
}

TEST_F(Poll, WaitsWhileOnlyOthersHaveSomethingBegun) {
    contract("P1", "P3");
    write_ok(a, "abc");
    expect_read(a, "a", 1);
    b.start_poll(POLLIN);
    waits(b);
    expect_read(a, "b", 1);
    still_waits(b);
    write_ok(a, "x");
    wakes(b, POLLIN);
}

TEST_F(Poll, ASlotIsAlwaysWritable) {
    contract("P2", "M3");
    become_slot();
    expect_mask(writable, a);
    write_ok(a, "x");
    expect_mask(readable | writable, a);
    expect_read(a, "x");
    expect_mask(writable, a);
}

TEST_F(Poll, ShowsTheSameToEveryOpen) {
    contract("P1", "P2");
    write_ok(a, "x");
    expect_mask(readable | writable, b);
    expect_mask(readable | writable, c);
    expect_read(b, "x");
    expect_mask(writable, a);
    expect_mask(writable, c);
}

TEST_F(Poll, IgnoresTheOpensAccessMode) {
    contract("P2");
    open_ok(a, O_RDONLY);
    open_ok(b, O_WRONLY);
    expect_mask(writable, a);
    expect_mask(writable, b);
    write_ok(b, "x");
    expect_mask(readable | writable, a);
    expect_mask(readable | writable, b);
}

TEST_F(Poll, DoesNotPark) {
    contract("P3");
    a.start_poll(POLLIN);
    waits(a);
    expect_parked(0, 0);
}

TEST_F(Poll, ReturnsNothingWhenItsTimeIsOver) {
    contract("P3");
    expect_events(a.poll(POLLIN, 1), 0);
    expect_events(a.select(POLLIN, 1), 0);
}

TEST_F(Poll, SelectAndEpollShowTheSame) {
    contract("P1", "P2");
    const int instance = a.epoll(EPOLLIN | EPOLLOUT);
    expect_events(a.select(POLLIN | POLLOUT), POLLOUT);
    expect_events(a.epoll_wait(instance), EPOLLOUT);
    become_fifo(1);
    write_ok(a, "x");
    expect_events(a.select(POLLIN | POLLOUT), POLLIN);
    expect_events(a.epoll_wait(instance), EPOLLIN);
}

TEST_F(Poll, SelectCountsReadableAndWritable) {
    contract("P1", "P2");
    write_ok(a, "x");
    const Outcome done = a.select(POLLIN | POLLOUT);
    EXPECT_EQ(done.result, 2);
    EXPECT_EQ(done.events, static_cast<std::uint32_t>(POLLIN | POLLOUT));
}

// --- a waiting poller wakes

TEST_F(Poll, WakesWhenAMessageComes) {
    contract("P3");
    a.start_poll(POLLIN);
    waits(a);
    write_ok(b, "x");
    wakes(a, POLLIN);
}

// Whose read it was doesn't wait any more, but others may wait for the same open.
TEST_F(Poll, WakesWhenAParkedReadLeavesSomeOfAMessage) {
    contract("P3", "P4", "R4");
    static_cast<void>(a.fd());
    Client reader = a.thread("a's reader");
    a.start_poll(POLLIN);
    waits(a);
    read_parks(reader, 1);
    write_ok(b, "xyz");
    expect_read(reader, "x");
    wakes(a, POLLIN);
    expect_read(a, "yz");
}

TEST_F(Poll, WakesWhenAFullFifoGetsRoom) {
    contract("P3");
    become_fifo(1);
    fill(b);
    a.start_poll(POLLOUT);
    waits(a);
    expect_read(b, "0");
    wakes(a, POLLOUT);
}

TEST_F(Poll, WakesWhenAFullFifoIsCleared) {
    contract("P3");
    become_fifo(1);
    fill(b);
    a.start_poll(POLLOUT);
    waits(a);
    observer().clear();
    wakes(a, POLLOUT);
}

TEST_F(Poll, SelectWakes) {
    contract("P3");
    a.start_select(POLLIN);
    waits(a);
    write_ok(b, "x");
    wakes(a, POLLIN);
}

TEST_F(Poll, EpollWakes) {
    contract("P3");
    const int instance = a.epoll(EPOLLIN);
    a.start_epoll_wait(instance);
    waits(a);
    write_ok(b, "x");
    wakes(a, EPOLLIN);
}

TEST_F(Poll, WakesInASlot) {
    contract("P3");
    become_slot();
    a.start_poll(POLLIN);
    waits(a);
    write_ok(b, "x");
    wakes(a, POLLIN);
}

TEST_F(Poll, WakesAllWhoWait) {
    contract("P3");
    auto pollers = crowd("poller", 8);
    for (auto& poller : pollers) {
        poller.start_poll(POLLIN);
        waits(poller);
    }
    write_ok(a, "x");
    for (auto& poller : pollers) {
        wakes(poller, POLLIN);
    }
}

TEST_F(Poll, WakesAllWhoWaitOnTheSameOpen) {
    contract("P3");
    Client thread = a.thread("a's thread");
    Client child = a.fork("a's child");
    const std::array pollers{&a, &thread, &child};
    a.start_poll(POLLIN);
    thread.start_select(POLLIN);
    child.start_poll(POLLIN);
    write_ok(b, "x");
    for (Client* poller : pollers) {
        wakes(*poller, POLLIN);
    }
}

TEST_F(Poll, WakesAgainAndAgain) {
    contract("P3");
    for (int round = 0; round < 50; ++round) {
        a.start_poll(POLLIN);
        if (round % 2 == 0) {
            waits(a);
        }
        write_ok(b, "x");
        wakes(a, POLLIN);
        expect_read(a, "x");
        expect_mask(writable, a);
    }
}

TEST_F(Poll, WakesNobodyForAMessageThatAParkedReaderGot) {
    contract("P3", "H1");
    a.start_poll(POLLIN);
    waits(a);
    read_parks(b);
    write_ok(c, "for b");
    expect_read(b, "for b");
    expect_mask(writable, c);
    still_waits(a);
}

TEST_F(Poll, WakesNobodyForRoomThatAParkedWriterGot) {
    contract("P2", "P3");
    become_fifo(1);
    fill(b);
    write_parks(c, "parked");
    a.start_poll(POLLOUT);
    waits(a);
    expect_read(b, "0");
    expect_written(c, 6);
    expect_mask(readable, b);
    still_waits(a);
}

TEST_F(Poll, IsNotPutOffByEventsThatItDoesNotWaitFor) {
    contract("P3");
    become_fifo(1);
    fill(d);
    a.start_poll(POLLOUT);
    waits(a);
    for (int i = 0; i < 10; ++i) {
        write_parks(b, "x");
        static_cast<void>(c.read(whole_message)); // b's message comes, there is no room
        expect_written(b, 1);
        still_waits(a);
    }
    expect_read(c, "x");
    expect_events(a.result(), POLLOUT);
}

TEST_F(Poll, IsInterruptedByASignal) {
    contract("P3");
    a.start_poll(POLLIN);
    waits(a);
    interrupt(a);
    expect_ended(a, EINTR);
    write_ok(b, "x");
    expect_mask(readable | writable, a);
}

TEST_F(Poll, OfAKilledProcessLeavesNothing) {
    contract("P3");
    a.start_poll(POLLIN);
    b.start_poll(POLLIN);
    waits(a);
    waits(b);
    killed(a);
    write_ok(c, "x");
    wakes(b, POLLIN);
    wait_opens(3);
}

TEST_F(Poll, BesideParkedCallsOnTheSameOpen) {
    contract("P3", "H6");
    Client thread = a.thread("a's thread");
    read_parks(thread);
    a.start_poll(POLLIN);
    waits(a);
    write_ok(b, "for the thread");
    expect_read(thread, "for the thread");
    write_ok(b, "for the poller");
    wakes(a, POLLIN);
}

// --- level-triggered epoll

TEST_F(Poll, LevelTriggeredEpollReportsAsLongAsItIsSo) {
    contract("P1", "P3");
    const int instance = a.epoll(EPOLLIN);
    write_ok(b, "x");
    for (int i = 0; i < 3; ++i) {
        expect_events(a.epoll_wait(instance, -1), EPOLLIN);
    }
    expect_read(b, "x");
    expect_events(a.epoll_wait(instance), 0);
    write_ok(b, "y");
    expect_events(a.epoll_wait(instance, -1), EPOLLIN);
}

} // namespace
} // namespace ipcdev::conformance
