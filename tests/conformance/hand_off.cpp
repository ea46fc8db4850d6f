// SPDX-License-Identifier: MIT
//
// Chapter 'Hand-off' of the contract: whoever makes a parked operation possible
// completes it, so a newcomer never overtakes it. What signals do to that is in
// signals.cpp.
#include "device_test.h"

namespace ipcdev::conformance {
namespace {

using HandOff = DeviceTest;

// --- the waker completes the waiter

TEST_F(HandOff, AMessageForAParkedReaderIsNeverQueued) {
    contract("H1");
    read_parks(a);
    const ipcdev_stats before = stats();
    write_ok(b, "x");
    const ipcdev_info now = info();
    EXPECT_EQ(now.queued_messages, 0U);
    EXPECT_EQ(now.parked_readers, 0U);
    EXPECT_EQ(stats().messages_written, before.messages_written + 1);
    expect_read(a, "x");
    EXPECT_EQ(stats().messages_read, before.messages_read + 1);
}

TEST_F(HandOff, TheReadThatMakesRoomAdmitsTheParkedWriter) {
    contract("H1");
    become_fifo(1);
    fill(b);
    write_parks(a, "parked");
    expect_read(b, "0");
    expect_queued(1, 6);
    expect_parked(0, 0);
    expect_written(a, 6);
}

TEST_F(HandOff, ClearAdmitsTheParkedWriters) {
    contract("H1", "I5");
    become_fifo(2);
    fill(c);
    write_parks(a, "first");
    write_parks(b, "second");
    observer().clear();
    expect_queued(2, 11);
    expect_written(a, 5);
    expect_written(b, 6);
    expect_read(c, "first");
    expect_read(c, "second");
}

TEST_F(HandOff, AParkedWriterIsNotAdmittedBeforeItsMessageHasAWholePlace) {
    contract("W5");
    become_fifo(1);
    write_ok(b, "abc");
    write_parks(a, "parked");
    expect_read(b, "a", 1);
    still_parked(a);
    expect_read(b, "b", 1);
    still_parked(a);
    expect_read(b, "c", 1);
    expect_written(a, 6);
    expect_read(b, "parked");
}

// --- a newcomer never overtakes

TEST_F(HandOff, ANewcomerNeverOvertakesAParkedReader) {
    contract("H1");
    become_fifo(2);
    for (int round = 0; round < 20; ++round) {
        read_parks(a);
        write_ok(b, "for a");
        write_ok(b, "for c");
        expect_read(c, "for c");
        expect_read(a, "for a");
    }
}

TEST_F(HandOff, ANewcomerThatComesAtTheSameTimeDoesNotOvertakeAParkedReader) {
    contract("H1");
    open_ok(c, O_RDWR | O_NONBLOCK);
    for (int round = 0; round < 100; ++round) {
        read_parks(a);
        b.start_write("for a");
        c.start_read(whole_message);
        expect_written(b, 5);
        expect_ended(c, EAGAIN);
        expect_read(a, "for a");
    }
}

TEST_F(HandOff, ANewcomerNeverOvertakesAParkedWriter) {
    contract("H1");
    become_fifo(1);
    open_ok(c, O_RDWR | O_NONBLOCK);
    for (int round = 0; round < 20; ++round) {
        write_ok(b, "before");
        write_parks(a, "parked");
        expect_read(b, "before");
        expect_error(c.write("overtakes"), EAGAIN);
        expect_written(a, 6);
        expect_read(b, "parked");
    }
}

TEST_F(HandOff, ANewcomerThatComesAtTheSameTimeDoesNotOvertakeAParkedWriter) {
    contract("H1");
    become_fifo(1);
    open_ok(c, O_RDWR | O_NONBLOCK);
    for (int round = 0; round < 100; ++round) {
        write_ok(b, "before");
        write_parks(a, "parked");
        b.start_read(whole_message);
        c.start_write("overtakes");
        expect_read(b, "before");
        expect_ended(c, EAGAIN);
        expect_written(a, 6);
        expect_read(b, "parked");
    }
}

TEST_F(HandOff, ANewcomerParksBehindTheParkedOnes) {
    contract("H1", "R6");
    become_fifo(1);
    fill(d);
    write_parks(a, "first");
    write_parks(b, "second");
    expect_read(d, "0");
    write_parks(c, "third");
    expect_read(d, "first");
    expect_read(d, "second");
    expect_read(d, "third");
    expect_written(a, 5);
    expect_written(b, 6);
    expect_written(c, 5);
}

// --- a completed operation reports its success

TEST_F(HandOff, ACompletedReadReportsItsSuccessThoughASignalComes) {
    contract("H2");
    for (int round = 0; round < 20; ++round) {
        read_parks(a);
        write_ok(b, "x");
        interrupt(a);
        expect_read(a, "x");
    }
}

TEST_F(HandOff, ACompletedWriteReportsItsSuccessThoughASignalComes) {
    contract("H2");
    become_fifo(1);
    for (int round = 0; round < 20; ++round) {
        write_ok(b, "before");
        write_parks(a, "parked");
        expect_read(b, "before");
        interrupt(a);
        expect_written(a, 6);
        expect_read(b, "parked");
    }
}

TEST_F(HandOff, AMessageCompletedToAProcessThatIsThenKilledIsGoneWithIt) {
    contract("H4");
    read_parks(a);
    const ipcdev_stats before = stats();
    write_ok(b, "gone with a");
    killed(a);
    wait_opens(2);
    expect_queued(0, 0);
    EXPECT_EQ(stats().messages_read, before.messages_read + 1);
    write_ok(b, "next");
    expect_read(c, "next");
}

TEST_F(HandOff, AMessageAdmittedFromAProcessThatIsThenKilledStays) {
    contract("H5");
    become_fifo(1);
    fill(b);
    write_parks(a, "stays");
    expect_read(b, "0");
    killed(a);
    wait_opens(2);
    expect_read(b, "stays");
}

// --- no byte is lost, doubled or reordered

TEST_F(HandOff, NoByteIsLostDoubledOrReorderedBetweenAParkingPair) {
    contract("H5");
    become_fifo(1);
    constexpr int messages = 100;
    static_cast<void>(a.fd());
    static_cast<void>(b.fd());
    for (int i = 0; i < messages; ++i) {
        const std::string message = std::to_string(i);
        a.start_write(message);
        b.start_read(whole_message);
        expect_written(a, message.size());
        expect_read(b, message);
    }
}

// Each message is read in pieces, by readers that come and go.
TEST_F(HandOff, NoByteIsLostDoubledOrReorderedByReadsOfAllSizes) {
    contract("H5", "O3");
    become_fifo(3);
    std::string written;
    std::string read;
    for (unsigned round = 0; round < 60; ++round) {
        const std::string message = pattern(1 + round * 37 % 200, round);
        a.start_write(message);
        expect_written(a, message.size());
        written += message;
        for (unsigned i = 0; read.size() < written.size(); ++i) {
            Client& reader = i % 2 == 0 ? b : c;
            open_ok(reader, O_RDONLY);
            const Outcome part = reader.read(1 + (round + i) * 13 % 97);
            ASSERT_GT(part.result, 0);
            read += part.bytes;
            expect_result(reader.close(), 0);
            wait_opens(2); // what it left is back in front
        }
    }
    EXPECT_EQ(read, written);
}

} // namespace
} // namespace ipcdev::conformance
