// SPDX-License-Identifier: MIT
//
// Clauses R7 and R8 where messages are begun: a read whose copy faults gives its bytes
// back to its open, or, if nothing else of the message was read, to the queue.
//
// To stand in the middle of a copy takes memory of which a page fault waits, which is for
// the module alone: the kernel has a reader's memory at hand before it asks a daemon, as
// Limits.AReaderThatStallsKeepsWhatItTook has it.
#include <csignal>

#include <sys/epoll.h>

#include "device_test.h"
#include "many_calls.h"

namespace ipcdev::conformance {
namespace {

// --- a buffer that is bad from the beginning

class BegunFault : public DeviceTest {
  protected:
    static constexpr std::size_t some = 100; // bytes that a faulting read asks for
};

TEST_F(BegunFault, AtTheFirstBytesLeavesAWholeMessageInTheQueue) {
    contract("R7", "R8");
    write_ok(a, "abcdef");
    for (const std::size_t count : {std::size_t{1}, std::size_t{3}, some}) {
        expect_error(b.read_into_bad_buffer(count), EFAULT);
        expect_begun(0);
        expect_queued(1, 6);
    }
    expect_read(c, "abcdef");
    expect_balance();
}

TEST_F(BegunFault, InTheMiddleLeavesTheRestToTheOpen) {
    contract("R7", "R8", "R4");
    write_ok(a, "abcdef");
    write_ok(a, "next");
    expect_read(b, "ab", 2);
    for (const std::size_t count : {std::size_t{1}, std::size_t{4}, some}) {
        expect_error(b.read_into_bad_buffer(count), EFAULT);
        expect_begun(1);
        expect_queued(1, 4);
    }
    expect_read(c, "next");
    expect_read(b, "cdef");
    expect_balance();
}

TEST_F(BegunFault, OfTheLastByteKeepsThePlace) {
    contract("R8", "W5");
    become_fifo(1);
    write_ok(a, "ab");
    expect_read(b, "a", 1);
    expect_error(b.read_into_bad_buffer(1), EFAULT);
    open_ok(c, O_RDWR | O_NONBLOCK);
    expect_error(c.write("full"), EAGAIN);
    expect_read(b, "b");
    write_ok(c, "room");
}

TEST_F(BegunFault, InARingAndASlotLeavesItToo) {
    contract("R7", "R8", "M2", "M3");
    for (const bool slot : {false, true}) {
        slot ? become_slot() : become_ring(2);
        write_ok(a, "abcdef");
        expect_error(b.read_into_bad_buffer(some), EFAULT);
        expect_read(b, "abc", 3);
        for (const char* message : {"1", "2", "3"}) {
            write_ok(a, message);
        }
        expect_error(b.read_into_bad_buffer(some), EFAULT);
        expect_queued(slot ? 1 : 2, slot ? 1 : 2);
        expect_read(b, "def");
        expect_balance();
        observer().clear();
    }
}

TEST_F(BegunFault, AfterAClearLeavesItToItsOpen) {
    contract("R8", "I5");
    write_ok(a, "abcdef");
    expect_read(b, "abc", 3);
    observer().clear();
    expect_error(b.read_into_bad_buffer(some), EFAULT);
    expect_read(b, "def");
    expect_balance();
}

TEST_F(BegunFault, OfAParkedReadLeavesTheMessageToTheNextOne) {
    contract("R7", "R8", "R6");
    static_cast<void>(a.fd());
    Client thread = a.thread("a's thread");
    a.start_read_into_bad_buffer(some);
    read_parks(thread, 2);
    write_ok(c, "abcdef");
    expect_ended(a, EFAULT);
    expect_read(thread, "ab");
    expect_read(a, "cdef");
    expect_balance();
}

// --- in the middle of a copy

class MidCopy : public DeviceTest {
  protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (info().server != IPCDEV_SERVER_MODULE) {
            skip("a daemon's copies are over at once: Limits.AReaderThatStallsKeepsWhatItTook "
                 "has it");
        }
        static_cast<void>(a.fd());
        stalled_ = a.fork("stalled"); // by the same open
        if (!make_stalling_memory(stalled_)) {
            skip("this user can't have page faults wait");
        }
    }
    void TearDown() override {
        stalled_.end();
        DeviceTest::TearDown();
    }

    // By a's open a read of one byte begins, and stalls when it has taken it, which leaves
    // so much.
    void stalls(unsigned begun, unsigned queued, Where where = Where::here()) {
        stalled_.start(read_stalling, {a.fd(), {}, {}, -1});
        observer().wait_until(
            [=](const ipcdev_info& now) {
                return now.begun_messages == begun && now.queued_messages == queued;
            },
            "the reader has taken its byte");
        if (stalled_.finished()) {
            fail("the read did not stall: " + stalled_.result().text(), where);
        }
    }
    // The copy ends, and its byte comes back; the open stays.
    void faults(Where where = Where::here()) { killed(stalled_, where); }

  private:
    Client stalled_{"stalled"};
};

TEST_F(MidCopy, AFaultGivesBackAWholeMessageOfWhichNothingWasRead) {
    contract("R8");
    write_ok(b, "abcdef");
    write_ok(b, "next");
    stalls(1, 1);
    faults();
    expect_begun(0);
    expect_queued(2, 10);
    expect_balance();
    expect_read(c, "abcdef");
    expect_read(a, "next");
}

TEST_F(MidCopy, AFaultGivesWhatIsLeftBackToTheOpen) {
    contract("R8", "R4");
    write_ok(b, "ab");
    expect_read(a, "a", 1);
    stalls(0, 0);
    faults();
    expect_begun(1);
    expect_queued(0, 0);
    expect_balance();
    expect_read(a, "b");
}

TEST_F(MidCopy, WhoReadMeanwhileHasOvertakenIt) {
    contract("R8");
    write_ok(b, "abcdef");
    stalls(1, 0);
    expect_read(a, "b", 1);
    faults();
    expect_begun(1);
    expect_read(a, "a", 1);
    expect_read(a, "cdef");
    expect_balance();
}

TEST_F(MidCopy, AFaultAfterTheRestIsReadLeavesTheByteToTheOpen) {
    contract("R8", "I2");
    write_ok(b, "abcdef");
    stalls(1, 0);
    expect_read(a, "bcdef");
    expect_begun(0);
    faults();
    expect_begun(1);
    expect_balance();
    expect_read(a, "a");
    expect_begun(0);
    expect_balance();
}

TEST_F(MidCopy, AFaultGoesToAParkedReaderFirst) {
    contract("R8", "H1");
    write_ok(b, "x");
    stalls(0, 0);
    read_parks(c);
    faults();
    expect_read(c, "x");
    expect_balance();
}

TEST_F(MidCopy, AFaultServesTheParkedReadersOfTheOpen) {
    contract("R8", "R6");
    write_ok(b, "ab");
    expect_read(a, "a", 1);
    stalls(0, 0);
    read_parks(c);
    read_parks(a);
    faults();
    expect_read(a, "b");
    still_parked(c);
}

TEST_F(MidCopy, AFaultIsAnEdgeIfTheMessageIsQueuedAgain) {
    contract("R8", "P4");
    write_ok(b, "x");
    stalls(0, 0);
    const int instance = d.epoll(EPOLLIN | EPOLLET);
    expect_events(d.epoll_wait(instance), 0);
    faults();
    expect_events(d.epoll_wait(instance, -1), EPOLLIN);
}

TEST_F(MidCopy, AFaultInARingThatIsFullAgainDropsTheOldest) {
    contract("R8", "M2", "I2");
    become_ring(2);
    const ipcdev_stats before = stats();
    write_ok(b, "oldest");
    stalls(1, 0);
    for (const char* message : {"1", "2", "3"}) {
        write_ok(b, message);
    }
    faults();
    expect_begun(0);
    expect_queued(2, 2);
    EXPECT_EQ(stats().messages_overwritten - before.messages_overwritten, 2U);
    expect_balance();
    expect_read(c, "2");
    expect_read(c, "3");
}

TEST_F(MidCopy, AFaultInARingWithRoomPutsItInFront) {
    contract("R8", "M2");
    become_ring(2);
    write_ok(b, "oldest");
    stalls(1, 0);
    write_ok(b, "newer");
    faults();
    expect_queued(2, 11);
    expect_read(c, "oldest");
    expect_read(c, "newer");
}

TEST_F(MidCopy, AFaultInARingLeavesWhatIsBegunToItsOpen) {
    contract("R8", "M2");
    become_ring(2);
    write_ok(b, "ab");
    expect_read(a, "a", 1);
    stalls(0, 0);
    for (const char* message : {"1", "2", "3"}) {
        write_ok(b, message);
    }
    faults();
    expect_begun(1);
    expect_queued(2, 2);
    expect_balance();
    expect_read(a, "b");
}

TEST_F(MidCopy, AFaultAfterAClearCountsAWholeMessageAsCleared) {
    contract("R8", "I5");
    const ipcdev_stats before = stats();
    write_ok(b, "abcdef");
    stalls(1, 0);
    observer().clear();
    faults();
    expect_begun(0);
    expect_queued(0, 0);
    EXPECT_EQ(stats().messages_cleared - before.messages_cleared, 1U);
    expect_balance();
}

TEST_F(MidCopy, AFaultAfterAClearLeavesWhatIsBegunToItsOpen) {
    contract("R8", "I5");
    const ipcdev_stats before = stats();
    write_ok(b, "ab");
    expect_read(a, "a", 1);
    stalls(0, 0);
    observer().clear();
    faults();
    expect_begun(1);
    EXPECT_EQ(stats().messages_cleared, before.messages_cleared);
    expect_read(a, "b");
    expect_balance();
}

TEST_F(MidCopy, AReaderThatIsKilledWithItsOpenLosesNothing) {
    contract("R8", "O3", "H4");
    write_ok(b, "abcdef");
    stalls(1, 0);
    expect_result(a.close(), 0);
    faults(); // and then the open goes
    wait_opens(2);
    expect_queued(1, 6);
    expect_read(c, "abcdef");
    expect_balance();
}

} // namespace
} // namespace ipcdev::conformance
