// SPDX-License-Identifier: MIT
//
// From the contract's chapter 'The device and its modes': ring, and slot, which is a ring
// of depth 1. In both no writer ever waits, and the newest messages are there.
#include <algorithm>

#include <sys/epoll.h>

#include "device_test.h"

namespace ipcdev::conformance {
namespace {

class Modes : public DeviceTest {
  protected:
    // Ring, or slot where the depth is 1 and `slot` says so.
    static void become(bool slot, unsigned depth) { slot ? become_slot() : become_ring(depth); }
};

// --- the newest depth messages are there

TEST_F(Modes, ARingKeepsTheNewestMessages) {
    contract("M2");
    become_ring(3);
    for (int i = 0; i < 10; ++i) {
        write_ok(a, std::to_string(i));
    }
    expect_queued(3, 3);
    for (const char* message : {"7", "8", "9"}) {
        expect_read(b, message);
    }
    open_ok(b, O_RDWR | O_NONBLOCK);
    expect_error(b.read(1), EAGAIN);
}

TEST_F(Modes, ARingDropsNothingBeforeItIsFull) {
    contract("M2");
    become_ring(3);
    const ipcdev_stats before = stats();
    for (const char* message : {"1", "2", "3"}) {
        write_ok(a, message);
    }
    EXPECT_EQ(stats().messages_overwritten, before.messages_overwritten);
    expect_read(b, "1");
    write_ok(a, "4");
    EXPECT_EQ(stats().messages_overwritten, before.messages_overwritten);
    write_ok(a, "5");
    EXPECT_EQ(stats().messages_overwritten, before.messages_overwritten + 1);
    expect_queued(3, 3);
    expect_read(b, "3");
}

TEST_F(Modes, ARingOfDepth1IsASlot) {
    contract("M2", "M3");
    for (const bool slot : {false, true}) {
        become(slot, 1);
        const ipcdev_stats before = stats();
        write_ok(a, "old");
        write_ok(a, "newest");
        expect_queued(1, 6);
        expect_read(b, "new", 3);
        write_ok(a, "newer still");
        expect_read(c, "newer still");
        expect_read(b, "est");
        EXPECT_EQ(stats().messages_overwritten - before.messages_overwritten, 1U);
        EXPECT_EQ(stats().bytes_truncated, before.bytes_truncated);
    }
}

TEST_F(Modes, InARingAWriterNeverWaitsWhoeverItIs) {
    contract("M2", "P2", "W5");
    become_ring(2);
    const ipcdev_stats before = stats();
    open_ok(b, O_RDWR | O_NONBLOCK);
    for (int i = 0; i < 10; ++i) {
        write_ok(a, "blocking");
        write_ok(b, "not blocking");
        expect_events(a.poll(POLLIN | POLLOUT), POLLIN | POLLOUT);
    }
    EXPECT_EQ(stats().writer_parks, before.writer_parks);
    EXPECT_EQ(stats().messages_overwritten - before.messages_overwritten, 18U);
    expect_balance();
}

TEST_F(Modes, ARingTakesLargeMessagesInPlaceOfSmallOnes) {
    contract("M2", "W2", "W4");
    become_ring(2, IPCDEV_MESSAGE_MAX);
    for (unsigned i = 0; i < 5; ++i) {
        write_ok(a, std::to_string(i));
        write_ok(a, pattern(IPCDEV_MESSAGE_MAX, i));
    }
    expect_error(a.write(pattern(IPCDEV_MESSAGE_MAX + 1)), EMSGSIZE);
    expect_queued(2, 1 + IPCDEV_MESSAGE_MAX);
    expect_read(b, "4");
    expect_read(b, pattern(IPCDEV_MESSAGE_MAX, 4));
}

TEST_F(Modes, OfARingIsToldByINFO) {
    contract("I1", "M2");
    become_ring(5, 100);
    const ipcdev_info now = info();
    EXPECT_EQ(now.mode, static_cast<unsigned>(IPCDEV_MODE_RING));
    EXPECT_EQ(now.depth, 5U);
    EXPECT_EQ(now.max_message, 100U);
}

// --- readers

TEST_F(Modes, ARingHandsMessagesToParkedReadersInTheirOrder) {
    contract("M2", "R6", "H1");
    become_ring(2);
    for (Client* reader : {&a, &b, &c}) {
        read_parks(*reader);
    }
    for (const char* message : {"for a", "for b", "for c", "queued"}) {
        write_ok(d, message);
    }
    expect_read(a, "for a");
    expect_read(b, "for b");
    expect_read(c, "for c");
    expect_queued(1, 6);
}

TEST_F(Modes, WhatIsBegunIsNeverDroppedAndTakesNoPlaceInARing) {
    contract("M2", "R4");
    become_ring(2);
    const ipcdev_stats before = stats();
    write_ok(a, "slowly");
    expect_read(b, "s", 1);
    for (const char* message : {"1", "2", "3", "4"}) {
        write_ok(a, message);
    }
    expect_queued(2, 2);
    expect_begun(1);
    EXPECT_EQ(stats().messages_overwritten - before.messages_overwritten, 2U);
    expect_balance();
    expect_read(c, "3", 1);
    expect_read(b, "lowly");
    expect_read(b, "4");
    expect_balance();
}

TEST_F(Modes, EachOfManySlowReadersOfARingFinishesItsMessage) {
    contract("M2", "R4", "I2");
    become_ring(2);
    constexpr unsigned many = 8;
    std::vector<Client> readers = crowd("reader", many);
    for (unsigned i = 0; i < many; ++i) {
        write_ok(a, pattern(50, i));
        expect_read(readers[i], pattern(50, i).substr(0, 1), 1);
    }
    expect_begun(many);
    for (unsigned i = 0; i < 10; ++i) {
        write_ok(a, "overwrites");
    }
    for (std::size_t at = 1; at < 50; at += 7) {
        for (unsigned i = 0; i < many; ++i) {
            expect_read(readers[i], pattern(50, i).substr(at, 7), 7);
        }
    }
    expect_begun(0);
    expect_queued(2, 20);
    expect_balance();
}

TEST_F(Modes, OfARingEachMessageIsAnEdgeTheOverwritingOneToo) {
    contract("M2", "P4");
    become_ring(2);
    const int instance = b.epoll(EPOLLIN | EPOLLET);
    while (b.epoll_wait(instance).result > 0) {
    }
    for (int i = 0; i < 10; ++i) {
        write_ok(a, std::to_string(i));
        expect_events(b.epoll_wait(instance, -1), EPOLLIN);
    }
    expect_read(b, "8");
    expect_read(b, "9");
    expect_events(b.poll(POLLIN), 0);
}

// --- configured, cleared

TEST_F(Modes, ChangeIntoEachOther) {
    contract("I4", "M1", "M2", "M3");
    become_fifo(7);
    EXPECT_EQ(observer().configure(IPCDEV_MODE_RING, 0, 0).result, 0);
    EXPECT_EQ(info().depth, 7U);
    EXPECT_EQ(observer().configure(IPCDEV_MODE_SLOT, 0, 0).result, 0);
    EXPECT_EQ(info().depth, 1U);
    expect_error(observer().configure(IPCDEV_MODE_RING, 0, 0), EINVAL);
    expect_error(observer().configure(IPCDEV_MODE_FIFO, 0, 0), EINVAL);
    EXPECT_EQ(observer().configure(IPCDEV_MODE_RING, 1, 0).result, 0);
    EXPECT_EQ(observer().configure(IPCDEV_MODE_FIFO, 0, 0).result, 0);
    EXPECT_EQ(info().depth, 1U);
}

TEST_F(Modes, ARingHasTheRangesOfAFifo) {
    contract("I4", "M4");
    become_ring(IPCDEV_DEPTH_MAX);
    expect_error(observer().configure(IPCDEV_MODE_RING, IPCDEV_DEPTH_MAX + 1, 1), EINVAL);
    expect_error(observer().configure(IPCDEV_MODE_RING, 4097, IPCDEV_MESSAGE_MAX), EINVAL);
    become_ring(4096, IPCDEV_MESSAGE_MAX);
    become_ring(1, 1);
}

TEST_F(Modes, ARingGivesEBUSYWhileItIsNotIdle) {
    contract("I4");
    become_ring(2);
    write_ok(a, "ab");
    expect_error(observer().configure(0, 3, 0), EBUSY);
    expect_read(b, "a", 1);
    expect_error(observer().configure(0, 3, 0), EBUSY);
    expect_read(b, "b");
    read_parks(b);
    expect_error(observer().configure(0, 3, 0), EBUSY);
    write_ok(a, "x");
    expect_read(b, "x");
    expect_result(observer().configure(0, 3, 0), 0);
}

TEST_F(Modes, ARingIsClearedOfWhatIsQueued) {
    contract("I5", "M2");
    become_ring(2);
    const ipcdev_stats before = stats();
    for (const char* message : {"1", "2", "3"}) {
        write_ok(a, message);
    }
    expect_result(a.ioctl(IPCDEV_IOC_CLEAR), 0);
    expect_queued(0, 0);
    EXPECT_EQ(stats().messages_cleared - before.messages_cleared, 2U);
    EXPECT_EQ(stats().messages_overwritten - before.messages_overwritten, 1U);
    expect_balance();
}

} // namespace
} // namespace ipcdev::conformance
