// SPDX-License-Identifier: MIT
//
// From the contract's chapter 'Read': what an open has begun of a message is that open's
// alone, so that everybody reads whole messages, however small the reads are. What becomes
// of it when the open goes is in begun_close.cpp, after a fault in begun_fault.cpp.
#include <array>

#include <fcntl.h>

#include "device_test.h"

namespace ipcdev::conformance {
namespace {

class Begun : public DeviceTest {
  protected:
    static void set_mode(unsigned mode) {
        if (mode == IPCDEV_MODE_SLOT) {
            become_slot();
        } else {
            configure(mode, 8, IPCDEV_MESSAGE_DEFAULT);
        }
    }
    static constexpr std::array<unsigned, 3> every_mode{IPCDEV_MODE_FIFO, IPCDEV_MODE_RING,
                                                        IPCDEV_MODE_SLOT};
};

// --- others read other messages

TEST_F(Begun, OthersReadOtherMessages) {
    contract("R3", "R4");
    write_ok(a, "abcdef");
    write_ok(a, "uvwxyz");
    write_ok(a, "third");
    expect_read(b, "ab", 2);
    expect_read(c, "uvw", 3);
    expect_read(d, "third");
    expect_begun(2);
    expect_queued(0, 0);
    expect_read(c, "xyz");
    expect_read(b, "cdef");
    expect_begun(0);
}

TEST_F(Begun, IsNotThereForOthersInAnyMode) {
    contract("R4", "R5", "M2", "M3");
    for (const unsigned mode : every_mode) {
        set_mode(mode);
        write_ok(a, "abcdef");
        expect_read(b, "abc", 3);
        open_ok(c, O_RDWR | O_NONBLOCK);
        expect_error(c.read(1), EAGAIN);
        write_ok(a, "other");
        expect_read(c, "other");
        expect_read(b, "def");
    }
}

TEST_F(Begun, AReaderThatFindsOnlyWhatOthersHaveBegunParks) {
    contract("R4", "R5");
    write_ok(a, "abcdef");
    expect_read(b, "abc", 3);
    read_parks(c);
    expect_read(b, "d", 1);
    still_parked(c);
    expect_read(b, "ef");
    still_parked(c);
    write_ok(a, "for c");
    expect_read(c, "for c");
}

TEST_F(Begun, ReadersThatTakeAByteAtATimeEachGetWholeMessages) {
    contract("R4");
    for (const unsigned mode : std::array<unsigned, 2>{IPCDEV_MODE_FIFO, IPCDEV_MODE_RING}) {
        set_mode(mode);
        const std::vector<std::string> messages{pattern(20, 1), pattern(20, 2), pattern(20, 3)};
        for (const std::string& message : messages) {
            write_ok(d, message);
        }
        std::vector<Client> readers = crowd("reader", 3);
        for (std::size_t at = 0; at < 20; ++at) {
            for (std::size_t i = 0; i < readers.size(); ++i) {
                expect_read(readers[i], messages[i].substr(at, 1), 1);
            }
        }
        expect_begun(0);
    }
}

TEST_F(Begun, ASlotGivesTheWholeValueByAndByWhateverIsWrittenMeanwhile) {
    contract("M3", "R3", "R4");
    become_slot();
    const ipcdev_stats before = stats();
    write_ok(a, "abc");
    for (const char* byte : {"a", "b", "c"}) {
        expect_read(b, byte, 1);
        write_ok(a, std::string("after ") + byte);
    }
    expect_read(b, "after c");
    EXPECT_EQ(stats().bytes_truncated, before.bytes_truncated);
    EXPECT_EQ(stats().messages_overwritten - before.messages_overwritten, 2U);
}

TEST_F(Begun, AMessageIsFinishedWithItsLastByteOnly) {
    contract("R3", "I1", "I2");
    write_ok(a, "ab");
    const ipcdev_stats before = stats();
    expect_read(b, "a", 1);
    EXPECT_EQ(stats().messages_read, before.messages_read);
    expect_begun(1);
    expect_balance();
    expect_read(b, "b", 1);
    EXPECT_EQ(stats().messages_read, before.messages_read + 1);
    expect_begun(0);
    expect_balance();
}

// --- of an open, which dup, fork and threads share

TEST_F(Begun, IsSharedByDupForkAndThreads) {
    contract("R3", "R4");
    write_ok(b, "abcdef");
    expect_read(a, "a", 1);
    const Outcome copy = a.dup();
    ASSERT_GE(copy.result, 0);
    Client child = a.fork("a's child");
    Client thread = a.thread("a's thread");
    EXPECT_EQ(a.read(1, static_cast<int>(copy.result)).bytes, "b");
    expect_read(child, "c", 1);
    expect_read(thread, "d", 1);
    expect_read(a, "e", 1);
    expect_read(child, "f", 1);
    expect_begun(0);
}

TEST_F(Begun, IsOfTheOpenNotOfTheProcess) {
    contract("R4");
    write_ok(b, "abc");
    write_ok(b, "xyz");
    const int first = a.fd();
    EXPECT_EQ(a.read(1, first).bytes, "a");
    open_ok(a);
    expect_read(a, "x", 1);
    EXPECT_EQ(a.read(8, first).bytes, "bc");
    expect_read(a, "yz", 8);
}

TEST_F(Begun, IsTheSameByVectorsAndWithoutBlocking) {
    contract("R3");
    open_ok(a, O_RDWR | O_NONBLOCK);
    write_ok(b, "abcdefgh");
    expect_read(a, "ab", 2);
    EXPECT_EQ(a.readv({1, 2}).bytes, "cde");
    expect_result(a.read(0), 0);
    expect_read(a, "fgh");
    expect_error(a.read(1), EAGAIN);
}

// --- parked readers

TEST_F(Begun, ParkedReadersOfOneOpenAreServedFromWhatItHasBegun) {
    contract("R6", "R4", "H1");
    static_cast<void>(a.fd());
    Client second = a.thread("a's second");
    Client third = a.fork("a's third");
    read_parks(a, 2);
    read_parks(b);
    read_parks(second, 1);
    read_parks(third);
    write_ok(c, "abcdef");
    expect_read(a, "ab");
    expect_read(second, "c");
    expect_read(third, "def");
    still_parked(b);
    expect_begun(0);
    write_ok(c, "for b");
    expect_read(b, "for b");
}

TEST_F(Begun, AParkedReaderOfAnotherOpenGetsTheNextMessage) {
    contract("R6", "R4");
    read_parks(a, 1);
    read_parks(b, 2);
    write_ok(c, "abcdef");
    expect_read(a, "a");
    still_parked(b);
    write_ok(c, "uvwxyz");
    expect_read(b, "uv");
    expect_queued(0, 0);
    expect_begun(2);
    expect_read(a, "bcdef");
    expect_read(b, "wxyz");
}

TEST_F(Begun, ParkedReadersInASlotToo) {
    contract("R6", "M3");
    become_slot();
    read_parks(a, 2);
    read_parks(b);
    write_ok(c, "abcdef");
    expect_read(a, "ab");
    still_parked(b);
    write_ok(c, "next");
    expect_read(b, "next");
    expect_read(a, "cdef");
}

TEST_F(Begun, AReaderThatIsInterruptedLeavesItsTurnToTheOthersOfItsOpen) {
    contract("R6", "H3");
    static_cast<void>(a.fd());
    Client thread = a.thread("a's thread");
    read_parks(a, 1);
    read_parks(thread, 2);
    interrupt(a);
    expect_ended(a, EINTR);
    write_ok(b, "abc");
    expect_read(thread, "ab");
    expect_read(a, "c");
}

// --- fullness: a message keeps its place until its last byte

TEST_F(Begun, KeepsItsPlaceInAFifoUntilTheLastByte) {
    contract("W5", "M1");
    become_fifo(2);
    open_ok(d, O_RDWR | O_NONBLOCK);
    write_ok(a, "abc");
    write_ok(a, "second");
    expect_read(b, "a", 1);
    expect_error(d.write("no room"), EAGAIN);
    expect_read(b, "b", 1);
    expect_error(d.write("no room"), EAGAIN);
    expect_read(b, "c", 1);
    write_ok(d, "room");
    expect_error(d.write("no room"), EAGAIN);
}

TEST_F(Begun, TheLastByteAdmitsAParkedWriter) {
    contract("W5", "M1", "H1");
    for (const unsigned depth : {1U, 3U}) {
        become_fifo(depth);
        write_ok(a, "abc");
        fill(a);
        write_parks(c, "parked");
        expect_read(b, "ab", 2);
        still_parked(c);
        expect_read(b, "c", 2);
        expect_written(c, 6);
        observer().clear();
    }
}

TEST_F(Begun, AFifoOfDepth1IsFullOfOneBegunMessage) {
    contract("W5", "M1");
    become_fifo(1);
    write_ok(a, "abc");
    expect_read(b, "a", 1);
    expect_queued(0, 0);
    write_parks(a, "second");
    expect_queued(0, 0);
    read_parks(c);
    still_parked(a);
    expect_read(b, "bc");
    expect_written(a, 6);
    expect_read(c, "second");
}

TEST_F(Begun, MessagesOfSeveralReadersFillAFifoTogether) {
    contract("W5", "M1");
    become_fifo(3);
    for (const char* message : {"one", "two", "six"}) {
        write_ok(d, message);
    }
    expect_read(a, "o", 1);
    expect_read(b, "t", 1);
    expect_read(c, "s", 1);
    expect_begun(3);
    open_ok(d, O_RDWR | O_NONBLOCK);
    expect_error(d.write("full"), EAGAIN);
    expect_read(b, "wo");
    write_ok(d, "room");
    expect_error(d.write("full"), EAGAIN);
}

// --- INFO, CONFIGURE, CLEAR

TEST_F(Begun, InfoCountsItApartFromTheQueue) {
    contract("I1");
    write_ok(a, "abc");
    write_ok(a, "defgh");
    expect_begun(0);
    expect_read(b, "a", 1);
    expect_begun(1);
    expect_queued(1, 5);
    expect_read(c, "d", 1);
    expect_begun(2);
    expect_queued(0, 0);
    expect_read(b, "bc");
    expect_begun(1);
}

TEST_F(Begun, MakesCONFIGUREGiveEBUSY) {
    contract("I4");
    for (const unsigned mode : every_mode) {
        set_mode(mode);
        write_ok(a, "ab");
        expect_read(b, "a", 1);
        expect_error(observer().configure(0, 0, 99), EBUSY);
        expect_read(b, "b", 1);
        expect_result(observer().configure(0, 0, 99), 0);
    }
}

TEST_F(Begun, IsItsReadersAfterAClear) {
    contract("I5", "R4");
    for (const unsigned mode : every_mode) {
        set_mode(mode);
        const ipcdev_stats before = stats();
        write_ok(a, "abcdef");
        expect_read(b, "abc", 3);
        write_ok(a, "queued");
        expect_result(a.ioctl(IPCDEV_IOC_CLEAR), 0);
        expect_queued(0, 0);
        expect_begun(1);
        expect_balance();
        expect_read(b, "def");
        EXPECT_EQ(stats().messages_cleared - before.messages_cleared, 1U);
        EXPECT_EQ(stats().messages_read - before.messages_read, 1U);
    }
}

TEST_F(Begun, LetsAClearAdmitAsManyWritersAsTheRestHasRoomFor) {
    contract("I5", "W5");
    become_fifo(2);
    write_ok(a, "abc");
    write_ok(a, "queued");
    expect_read(b, "a", 1);
    write_parks(c, "first");
    write_parks(d, "second");
    expect_result(a.ioctl(IPCDEV_IOC_CLEAR), 0);
    expect_written(c, 5);
    still_parked(d);
    expect_queued(1, 5);
    expect_read(b, "bc");
    expect_written(d, 6);
}

TEST_F(Begun, BalancesInEveryMode) {
    contract("I2", "M1", "M2", "M3");
    for (const unsigned mode : every_mode) {
        set_mode(mode);
        for (const char* message : {"one", "two", "three", "four"}) {
            write_ok(a, message);
            expect_balance();
        }
        expect_read(b, mode == IPCDEV_MODE_SLOT ? "f" : "o", 1);
        expect_balance();
        write_ok(a, "five");
        expect_read(c, mode == IPCDEV_MODE_SLOT ? "f" : "t", 1);
        expect_begun(2);
        expect_balance();
        expect_result(a.ioctl(IPCDEV_IOC_CLEAR), 0);
        expect_balance();
        expect_read(b, mode == IPCDEV_MODE_SLOT ? "our" : "ne");
        expect_balance();
        b.end();
        c.end();
        wait_opens(2);
        expect_begun(0);
        expect_balance();
        observer().clear();
        expect_balance();
        a.end();
        wait_opens(1);
    }
}

} // namespace
} // namespace ipcdev::conformance
