// SPDX-License-Identifier: MIT
//
// Chapter 'Read' of the contract. What parks a reader is in blocking.cpp, what
// O_NONBLOCK makes of that in non_blocking.cpp.
#include "device_test.h"

namespace ipcdev::conformance {
namespace {

using Read = DeviceTest;

// --- 0 bytes

TEST_F(Read, Of0BytesReturns0AtOnce) {
    contract("R1");
    expect_result(a.read(0), 0);
    write_ok(b, "stays");
    expect_result(a.read(0), 0);
    expect_queued(1, 5);
}

TEST_F(Read, Of0BytesReturns0AtOnceBesideAParkedReader) {
    contract("R1");
    read_parks(a);
    expect_result(b.read(0), 0);
    still_parked(a);
}

TEST_F(Read, Of0BytesLeavesTheValueOfASlot) {
    contract("R1");
    become_slot();
    write_ok(a, "stays");
    expect_result(b.read(0), 0);
    expect_read(b, "stays");
}

// --- bytes of one message at most, and never 0

TEST_F(Read, ReturnsBytesOfOneMessageAtMost) {
    contract("R2");
    write_ok(a, "one");
    write_ok(a, "two");
    expect_read(b, "one", 6);
    expect_read(b, "two", 6);
}

TEST_F(Read, OfJustTheSizeTakesTheMessage) {
    contract("R2");
    write_ok(a, "one");
    write_ok(a, "two");
    expect_read(b, "one", 3);
    expect_read(b, "two", 3);
}

TEST_F(Read, OfFarMoreThanAMessageTakesTheMessage) {
    contract("R2");
    write_ok(a, "one");
    write_ok(a, "two");
    expect_read(b, "one", 1U << 20U);
    expect_read(b, "two", 1U << 20U);
}

TEST_F(Read, OfTheLargestMessageMayBeFarLarger) {
    contract("R2");
    become_fifo(4, IPCDEV_MESSAGE_MAX);
    const std::string message = pattern(IPCDEV_MESSAGE_MAX);
    write_ok(a, message);
    write_ok(a, "next");
    expect_read(b, message, 1U << 20U);
    expect_read(b, "next", 1U << 20U);
}

TEST_F(Read, FindsNoEndOfFileWhenTheLastWriterCloses) {
    contract("R2");
    write_ok(a, "last");
    expect_read(b, "last");
    read_parks(b);
    a.end();
    wait_opens(2);
    still_parked(b);
    write_ok(c, "more");
    expect_read(b, "more");
}

TEST_F(Read, ReturnsNever0ToOneOfTwoReadersThatWereWoken) {
    contract("R2");
    read_parks(a);
    read_parks(b);
    write_ok(c, "one message");
    expect_read(a, "one message");
    still_parked(b);
}

TEST_F(Read, VectorFillsItsSegmentsInTurn) {
    contract("R2");
    write_ok(a, "one message");
    write_ok(a, "next");
    const Outcome done = b.readv({3, 0, 1, 100});
    EXPECT_EQ(done.result, 11);
    EXPECT_EQ(done.bytes, "one message");
    expect_read(b, "next");
}

// --- a short read: the open goes on with that message; who else reads is in begun.cpp

TEST_F(Read, ThatIsShortLeavesTheRestForTheNextRead) {
    contract("R3");
    write_ok(a, "abcdef");
    write_ok(a, "next");
    expect_read(b, "abc", 3);
    expect_queued(1, 4);
    expect_begun(1);
    expect_read(b, "def");
    expect_begun(0);
    expect_read(b, "next");
}

TEST_F(Read, ByteByByteGivesTheWholeMessage) {
    contract("R3");
    const std::string message = pattern(100);
    write_ok(a, message);
    for (const char byte : message) {
        expect_read(b, std::string(1, byte), 1);
    }
    expect_queued(0, 0);
    expect_begun(0);
}

TEST_F(Read, BeginsTheOldestMessage) {
    contract("R3");
    for (const char* message : {"oldest", "newer", "newest"}) {
        write_ok(a, message);
    }
    expect_read(b, "o", 1);
    expect_read(b, "ldest");
    expect_read(b, "new", 3);
    expect_read(b, "er", 2);
    expect_read(b, "newest", 6);
}

TEST_F(Read, OfAMessageIsCountedWithItsLastByte) {
    contract("I2");
    const ipcdev_stats before = stats();
    write_ok(a, "abc");
    expect_read(b, "ab", 2);
    EXPECT_EQ(stats().messages_read, before.messages_read);
    EXPECT_EQ(stats().bytes_read, before.bytes_read + 2);
    expect_read(b, "c");
    EXPECT_EQ(stats().messages_read, before.messages_read + 1);
    EXPECT_EQ(stats().bytes_read, before.bytes_read + 3);
}

// --- slot

TEST_F(Read, OfASlotTakesTheValue) {
    contract("M3");
    become_slot();
    write_ok(a, "value");
    expect_read(b, "value");
    expect_queued(0, 0);
    read_parks(b);
}

TEST_F(Read, OfASlotNeverTruncates) {
    contract("M3", "R3");
    become_slot(IPCDEV_MESSAGE_MAX);
    const ipcdev_stats before = stats();
    for (const std::size_t size : {1U, 4096U, 65536U}) {
        const std::string value = pattern(size);
        write_ok(a, value);
        expect_read(b, value.substr(0, size / 2 + 1), size / 2 + 1);
        if (size > 1) {
            expect_read(b, value.substr(size / 2 + 1));
        }
    }
    EXPECT_EQ(stats().bytes_truncated, before.bytes_truncated);
    EXPECT_EQ(stats().messages_read, before.messages_read + 3);
}

// --- a bad buffer

TEST_F(Read, IntoABadBufferGivesEFAULTAndTheBytesStay) {
    contract("R7");
    write_ok(a, "first");
    write_ok(a, "second");
    for (const std::size_t size : {1U, 100U, 4096U}) {
        expect_error(b.read_into_bad_buffer(size), EFAULT);
    }
    expect_queued(2, 11);
    expect_read(b, "first");
    expect_read(b, "second");
}

TEST_F(Read, IntoAVectorOfABadBufferGivesEFAULTToo) {
    contract("R7");
    write_ok(a, "message");
    expect_error(b.readv_into_bad_buffer(100), EFAULT);
    expect_queued(1, 7);
    expect_read(b, "message");
}

TEST_F(Read, IntoABadBufferLeavesTheRestOfAMessageToo) {
    contract("R7", "R8");
    write_ok(a, "abcdef");
    expect_read(b, "abc", 3);
    expect_error(b.read_into_bad_buffer(2), EFAULT);
    expect_begun(1);
    expect_read(b, "def");
}

TEST_F(Read, IntoABadBufferLeavesTheValueOfASlot) {
    contract("R7");
    become_slot();
    write_ok(a, "stays");
    const ipcdev_stats before = stats();
    expect_error(b.read_into_bad_buffer(100), EFAULT);
    expect_read(b, "stays");
    EXPECT_EQ(stats().bytes_truncated, before.bytes_truncated);
}

TEST_F(Read, IntoABadBufferMayLearnItOnlyWhenAMessageComes) {
    contract("R7");
    a.start_read_into_bad_buffer(100);
    write_ok(b, "stays");
    expect_ended(a, EFAULT);
    expect_read(b, "stays");
}

TEST_F(Read, IntoABadBufferInFrontOfAParkedReaderTakesNothingFromIt) {
    contract("R8");
    a.start_read_into_bad_buffer(100);
    read_parks(b);
    write_ok(c, "for b");
    expect_ended(a, EFAULT);
    expect_read(b, "for b");
    expect_queued(0, 0);
}

TEST_F(Read, IntoABadBufferOfAnEmptySlotKeepsTheValueThatComes) {
    contract("R7", "R8");
    become_slot();
    a.start_read_into_bad_buffer(100);
    write_ok(b, "stays");
    expect_ended(a, EFAULT);
    expect_read(b, "stays");
}

} // namespace
} // namespace ipcdev::conformance
