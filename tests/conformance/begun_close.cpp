// SPDX-License-Identifier: MIT
//
// Clause O3: what becomes of a message that an open has begun when the open goes away. In
// a fifo the rest goes back to the front of the queue; in a ring or slot it is dropped.
//
// The kernel tells a daemon of a close some time after close() has returned: wait_opens().
#include <csignal>

#include <sys/epoll.h>

#include "device_test.h"

namespace ipcdev::conformance {
namespace {

class BegunClose : public DeviceTest {
  protected:
    // Begins the oldest message, of which this is the beginning.
    static void begin(Client& client, std::string_view bytes, Where where = Where::here()) {
        expect_read(client, bytes, bytes.size(), where);
    }
    // Closes its open, and returns when the server knows.
    static void closes(Client& client, Where where = Where::here()) {
        const unsigned opens = info().opens;
        expect_result(client.close(), 0, where);
        wait_opens(opens - 1);
    }
};

// --- fifo

TEST_F(BegunClose, TheRestGoesBackToTheFrontOfAFifo) {
    contract("O3", "M1");
    write_ok(a, "abcdef");
    write_ok(a, "behind");
    begin(b, "abc");
    closes(b);
    expect_queued(2, 9);
    expect_begun(0);
    expect_balance();
    expect_read(c, "def");
    expect_read(c, "behind");
    expect_balance();
}

TEST_F(BegunClose, TheRestIsBegunAnewByWhoReadsIt) {
    contract("O3", "R4");
    write_ok(a, "abcdef");
    write_ok(a, "behind");
    begin(b, "ab");
    closes(b);
    expect_read(c, "cd", 2);
    expect_begun(1);
    expect_read(d, "behind");
    closes(c);
    expect_read(d, "ef");
    expect_balance();
}

TEST_F(BegunClose, TheRestGoesToAParkedReaderFirst) {
    contract("O3", "H1");
    write_ok(a, "abcdef");
    begin(b, "abc");
    read_parks(c, 2);
    read_parks(d);
    closes(b);
    expect_read(c, "de");
    still_parked(d);
    closes(c);
    expect_read(d, "f");
    expect_balance();
}

TEST_F(BegunClose, OfSeveralOpensEachRestStandsBeforeTheOnesOfBefore) {
    contract("O3");
    write_ok(a, "first");
    write_ok(a, "second");
    write_ok(a, "third");
    write_ok(a, "behind");
    begin(b, "f");
    begin(c, "se");
    begin(d, "th");
    closes(d);
    closes(c);
    closes(b);
    expect_queued(4, 4 + 4 + 3 + 6);
    for (const char* message : {"irst", "cond", "ird", "behind"}) {
        expect_read(a, message);
    }
    expect_balance();
}

TEST_F(BegunClose, OnlyTheLastDescriptorOfAnOpenEndsIt) {
    contract("O3", "R4");
    write_ok(b, "abcdef");
    begin(a, "abc");
    Client child = a.fork("a's child");
    expect_result(a.close(), 0);
    expect_begun(1);
    expect_read(child, "d", 1);
    killed(child);
    wait_opens(2);
    expect_read(c, "ef");
}

TEST_F(BegunClose, OfAKilledReaderLosesNoMoreThanItHasRead) {
    contract("O3", "H4");
    write_ok(a, "abcdef");
    begin(b, "abc");
    killed(b);
    wait_opens(2);
    expect_read(c, "def");
}

TEST_F(BegunClose, OfAReaderThatIsKilledWhileItIsParkedLeavesTheRest) {
    contract("O3", "H3");
    static_cast<void>(b.fd());
    Client thread = b.thread("b's thread");
    read_parks(b, 1);
    read_parks(thread, 1);
    write_ok(a, "abc");
    expect_read(b, "a");
    expect_read(thread, "b");
    expect_read(b, "c");
    read_parks(thread);
    write_ok(a, "xyz");
    expect_read(thread, "xyz");
    read_parks(thread, 1);
    write_ok(a, "uv");
    expect_read(thread, "u");
    killed(b);
    wait_opens(2);
    expect_read(c, "v");
}

TEST_F(BegunClose, TheRestTakesItsPlaceAgainAndAdmitsNobody) {
    contract("O3", "W5");
    become_fifo(2);
    write_ok(a, "abc");
    write_ok(a, "second");
    begin(b, "a");
    write_parks(c, "parked");
    closes(b);
    still_parked(c);
    expect_queued(2, 8);
    expect_read(d, "bc");
    expect_written(c, 6);
}

TEST_F(BegunClose, AParkedReaderThatTakesTheWholeRestMakesRoom) {
    contract("O3", "W5", "H1");
    become_fifo(1);
    write_ok(a, "abc");
    begin(b, "a");
    read_parks(d);
    write_parks(c, "parked");
    closes(b);
    expect_read(d, "bc");
    expect_written(c, 6);
    expect_read(d, "parked");
}

TEST_F(BegunClose, ManyOpensCloseAtOnceAndNothingIsLost) {
    contract("O3", "H5");
    constexpr int many = 20;
    std::vector<Client> readers = crowd("reader", many);
    std::size_t left = 0;
    for (int i = 0; i < many; ++i) {
        write_ok(a, pattern(30, static_cast<unsigned>(i)));
    }
    for (int i = 0; i < many; ++i) {
        const auto begun = static_cast<std::size_t>(i + 1);
        begin(readers[static_cast<std::size_t>(i)],
              pattern(30, static_cast<unsigned>(i)).substr(0, begun));
        left += 30 - begun;
    }
    expect_begun(many);
    for (Client& reader : readers) {
        reader.process().signal(SIGKILL);
    }
    readers.clear(); // waits for them
    wait_opens(2);
    expect_queued(many, left);
    std::size_t got = 0;
    for (int i = 0; i < many; ++i) {
        got += a.read(whole_message).bytes.size();
    }
    EXPECT_EQ(got, left);
    expect_queued(0, 0);
    expect_balance();
}

TEST_F(BegunClose, AfterAClearToo) {
    contract("O3", "I5");
    write_ok(a, "abcdef");
    begin(b, "abc");
    observer().clear();
    closes(b);
    expect_queued(1, 3);
    expect_read(c, "def");
    expect_balance();
}

// --- ring and slot

TEST_F(BegunClose, InARingTheRestIsDroppedAndCountedAsTruncated) {
    contract("O3", "M2", "I2");
    become_ring(4);
    const ipcdev_stats before = stats();
    write_ok(a, "abcdef");
    write_ok(a, "next");
    begin(b, "ab");
    closes(b);
    expect_queued(1, 4);
    expect_begun(0);
    const ipcdev_stats now = stats();
    EXPECT_EQ(now.bytes_truncated - before.bytes_truncated, 4U);
    EXPECT_EQ(now.bytes_read - before.bytes_read, 2U);
    EXPECT_EQ(now.messages_read - before.messages_read, 1U);
    EXPECT_EQ(now.messages_overwritten, before.messages_overwritten);
    expect_balance();
    expect_read(c, "next");
}

TEST_F(BegunClose, InASlotTheRestIsDroppedAndCountedAsTruncated) {
    contract("O3", "M3", "I2");
    become_slot();
    const ipcdev_stats before = stats();
    write_ok(a, "abcdef");
    begin(b, "ab");
    killed(b);
    wait_opens(2);
    expect_begun(0);
    expect_queued(0, 0);
    EXPECT_EQ(stats().bytes_truncated - before.bytes_truncated, 4U);
    EXPECT_EQ(stats().messages_read - before.messages_read, 1U);
    expect_balance();
}

TEST_F(BegunClose, InARingAParkedReaderGetsNothingOfIt) {
    contract("O3", "M2", "M3");
    for (const bool slot : {false, true}) {
        slot ? become_slot() : become_ring(4);
        write_ok(a, "abcdef");
        begin(b, "ab");
        read_parks(c);
        closes(b);
        still_parked(c);
        write_ok(a, "whole");
        expect_read(c, "whole");
        open_ok(b);
    }
}

TEST_F(BegunClose, WithNothingBegunDropsNothingInARing) {
    contract("O2", "M2");
    become_ring(4);
    const ipcdev_stats before = stats();
    write_ok(a, "ab");
    write_ok(a, "cd");
    begin(b, "ab");
    closes(b);
    expect_queued(1, 2);
    EXPECT_EQ(stats().bytes_truncated, before.bytes_truncated);
    expect_read(c, "cd");
}

// --- poll

TEST_F(BegunClose, MakesTheRestReadableForOthersWithAnEdge) {
    contract("O3", "P1", "P3", "P4");
    write_ok(a, "abc");
    begin(b, "a");
    const int instance = c.epoll(EPOLLIN | EPOLLET);
    while (c.epoll_wait(instance).result > 0) {
    }
    d.start_poll(POLLIN);
    waits(d);
    closes(b);
    expect_events(c.epoll_wait(instance, -1), EPOLLIN);
    expect_events(d.result(), POLLIN);
    expect_read(c, "bc");
}

TEST_F(BegunClose, ThatAParkedReaderTakesMakesNoEdge) {
    contract("O3", "P4");
    write_ok(a, "abc");
    begin(b, "a");
    const int instance = d.epoll(EPOLLIN | EPOLLET);
    while (d.epoll_wait(instance).result > 0) {
    }
    read_parks(c);
    closes(b);
    expect_read(c, "bc");
    expect_events(d.epoll_wait(instance), 0);
}

} // namespace
} // namespace ipcdev::conformance
