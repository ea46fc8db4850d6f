// SPDX-License-Identifier: MIT
//
// Chapter 'Write' of the contract. What parks a writer is in blocking.cpp, what
// O_NONBLOCK makes of that in non_blocking.cpp, the limit of parked calls in
// limits.cpp.
#include "device_test.h"

namespace ipcdev::conformance {
namespace {

using Write = DeviceTest;

// `count` segments of `size` bytes each.
std::vector<std::string> segments(unsigned count, std::size_t size) {
    std::vector<std::string> all;
    for (unsigned i = 0; i < count; ++i) {
        all.push_back(pattern(size, i));
    }
    return all;
}

std::string joined(const std::vector<std::string>& segments) {
    std::string all;
    for (const auto& segment : segments) {
        all += segment;
    }
    return all;
}

// --- 0 bytes

TEST_F(Write, Of0BytesReturns0AndQueuesNothing) {
    contract("W1");
    expect_result(a.write(""), 0);
    expect_queued(0, 0);
    EXPECT_EQ(a.writev({"", "", ""}).result, 0);
    expect_queued(0, 0);
}

TEST_F(Write, Of0BytesWakesNoReader) {
    contract("W1");
    read_parks(a);
    expect_result(b.write(""), 0);
    still_parked(a);
    expect_parked(1, 0);
}

TEST_F(Write, Of0BytesWakesNoPoller) {
    contract("W1");
    a.start_poll(POLLIN);
    waits(a);
    expect_result(b.write(""), 0);
    expect_events(b.poll(POLLIN), 0);
    still_waits(a);
}

TEST_F(Write, Of0BytesReturns0FromAFullFifoToo) {
    contract("W1");
    become_fifo(1);
    fill(a);
    expect_result(a.write(""), 0);
    expect_queued(1, 1);
}

TEST_F(Write, Of0BytesReplacesNothingInASlot) {
    contract("W1", "M3");
    become_slot();
    write_ok(a, "stays");
    expect_result(a.write(""), 0);
    expect_read(b, "stays");
}

// --- 1 to max_message bytes

TEST_F(Write, Of1ByteToMaxMessageBecomesOneMessage) {
    contract("W2");
    for (const std::size_t size : {1U, 2U, 511U, 4095U, 4096U}) {
        const std::string message = pattern(size, static_cast<unsigned>(size));
        write_ok(a, message);
        expect_queued(1, size);
        expect_read(b, message);
    }
}

TEST_F(Write, OfTheLargestMaxMessageBecomesOneMessage) {
    contract("W2");
    become_fifo(4, IPCDEV_MESSAGE_MAX);
    for (const std::size_t size : {4097U, 65535U, 65536U}) {
        const std::string message = pattern(size, static_cast<unsigned>(size));
        write_ok(a, message);
        expect_queued(1, size);
        expect_read(b, message);
    }
}

TEST_F(Write, EveryWriteIsAMessageOfItsOwn) {
    contract("W2");
    write_ok(a, "one");
    write_ok(a, "two");
    expect_queued(2, 6);
    expect_read(b, "one");
    expect_read(b, "two");
}

TEST_F(Write, KeepsEveryValueOfAByte) {
    contract("W2");
    std::string all;
    for (int byte = 0; byte < 256; ++byte) {
        all += static_cast<char>(byte);
    }
    write_ok(a, all);
    expect_read(b, all);
}

TEST_F(Write, IsReadInTheOrderOfWriting) {
    contract("R3");
    for (int i = 0; i < IPCDEV_DEPTH_DEFAULT; ++i) {
        write_ok(i % 2 == 0 ? a : b, std::to_string(i));
    }
    for (int i = 0; i < IPCDEV_DEPTH_DEFAULT; ++i) {
        expect_read(i % 3 == 0 ? a : b, std::to_string(i));
    }
}

// --- writev

TEST_F(Write, VectorBecomesOneMessageOfAllItsSegments) {
    contract("W3");
    expect_result(a.writev({"one ", "", "two ", "three"}), 13);
    expect_queued(1, 13);
    expect_read(b, "one two three");
}

TEST_F(Write, VectorOf16SegmentsUpTo4KiBIsOneMessage) {
    contract("W3");
    for (const std::size_t size : {1U, 17U, 255U, 256U}) {
        const auto sixteen = segments(16, size);
        expect_result(a.writev(sixteen), static_cast<std::int64_t>(16 * size));
        expect_queued(1, 16 * size);
        expect_read(b, joined(sixteen));
    }
}

TEST_F(Write, VectorOf8SegmentsUpTo64KiBIsOneMessage) {
    contract("W3");
    become_fifo(4, IPCDEV_MESSAGE_MAX);
    for (const std::size_t size : {513U, 4096U, 8191U, 8192U}) {
        const auto eight = segments(8, size);
        expect_result(a.writev(eight), static_cast<std::int64_t>(8 * size));
        expect_queued(1, 8 * size);
        expect_read(b, joined(eight));
    }
}

TEST_F(Write, VectorWithOneLongSegmentAmongShortOnesIsOneMessage) {
    contract("W3");
    become_fifo(4, IPCDEV_MESSAGE_MAX);
    auto eight = segments(8, 1);
    eight[3] = pattern(IPCDEV_MESSAGE_MAX - 7, 99);
    expect_result(a.writev(eight), IPCDEV_MESSAGE_MAX);
    expect_queued(1, IPCDEV_MESSAGE_MAX);
    expect_read(b, joined(eight));
}

TEST_F(Write, VectorIsHandedToAParkedReaderAsOneMessage) {
    contract("W3", "H1");
    read_parks(a);
    const auto sixteen = segments(16, 256);
    expect_result(b.writev(sixteen), 4096);
    expect_read(a, joined(sixteen));
    expect_queued(0, 0);
}

TEST_F(Write, VectorOfMoreThanMaxMessageGivesEMSGSIZE) {
    contract("W3", "W4");
    expect_error(a.writev(segments(2, 2049)), EMSGSIZE);
    expect_queued(0, 0);
}

// --- more than max_message

TEST_F(Write, OfMoreThanMaxMessageGivesEMSGSIZEAndQueuesNothing) {
    contract("W4");
    for (const std::size_t size : {4097U, 8192U, 65537U, 131072U, 1048576U}) {
        expect_error(a.write(pattern(size)), EMSGSIZE);
        expect_queued(0, 0);
    }
}

TEST_F(Write, OfMoreThanTheLargestMaxMessageGivesEMSGSIZE) {
    contract("W4");
    become_fifo(4, IPCDEV_MESSAGE_MAX);
    for (const std::size_t size : {65537U, 131072U, 131073U, 262145U, 1048577U}) {
        expect_error(a.write(pattern(size)), EMSGSIZE);
        expect_queued(0, 0);
    }
}

TEST_F(Write, OfMoreThanASmallMaxMessageGivesEMSGSIZE) {
    contract("W4");
    become_fifo(4, IPCDEV_MESSAGE_MIN);
    expect_error(a.write("xx"), EMSGSIZE);
    write_ok(a, "x");
    expect_read(b, "x");
}

TEST_F(Write, OfMoreThanMaxMessageDoesNotParkAtAFullFifo) {
    contract("W4");
    become_fifo(1, 10);
    fill(a);
    expect_error(b.write("eleven byte"), EMSGSIZE);
    expect_queued(1, 1);
}

TEST_F(Write, OfMoreThanMaxMessageWakesNoReader) {
    contract("W4");
    become_fifo(1, 10);
    read_parks(a);
    expect_error(b.write("eleven byte"), EMSGSIZE);
    still_parked(a);
    expect_parked(1, 0);
}

TEST_F(Write, OfMoreThanMaxMessageReplacesNothingInASlot) {
    contract("W4", "M3");
    become_slot(10);
    write_ok(a, "stays");
    expect_error(a.write("eleven byte"), EMSGSIZE);
    expect_read(b, "stays");
}

// --- slot

TEST_F(Write, ToASlotNeverParksTheNewestWins) {
    contract("M3");
    become_slot();
    write_ok(a, "old");
    write_ok(b, "newer");
    write_ok(a, "newest");
    expect_queued(1, 6);
    expect_read(c, "newest");
    expect_queued(0, 0);
}

TEST_F(Write, ToASlotCountsWhatItReplacesAsOverwritten) {
    contract("M3", "I2");
    become_slot();
    const ipcdev_stats before = stats();
    write_ok(a, "old");
    write_ok(a, "newer");
    write_ok(a, "newest");
    expect_read(b, "newest");
    write_ok(a, "read before it was replaced");
    const ipcdev_stats after = stats();
    EXPECT_EQ(after.messages_written - before.messages_written, 4U);
    EXPECT_EQ(after.messages_overwritten - before.messages_overwritten, 2U);
    EXPECT_EQ(after.messages_read - before.messages_read, 1U);
    EXPECT_EQ(after.writer_parks, before.writer_parks);
}

// --- a bad buffer

TEST_F(Write, FromABadBufferGivesEFAULTAndQueuesNothing) {
    contract("W7");
    for (const std::size_t size : {1U, 100U, 4096U}) {
        expect_error(a.write_from_bad_buffer(size), EFAULT);
        expect_queued(0, 0);
    }
    write_ok(a, "good");
    expect_read(b, "good");
}

TEST_F(Write, FromAVectorOfABadBufferGivesEFAULTToo) {
    contract("W7");
    expect_error(a.writev_from_bad_buffer(100), EFAULT);
    expect_queued(0, 0);
}

TEST_F(Write, FromABadBufferWakesNoReader) {
    contract("W7");
    read_parks(a);
    expect_error(b.write_from_bad_buffer(10), EFAULT);
    still_parked(a);
    expect_parked(1, 0);
}

TEST_F(Write, FromABadBufferReplacesNothingInASlot) {
    contract("W7", "M3");
    become_slot();
    write_ok(a, "stays");
    expect_error(a.write_from_bad_buffer(10), EFAULT);
    expect_read(b, "stays");
}

TEST_F(Write, FromABadBufferTakesNoPlaceInAFullFifo) {
    contract("W7");
    become_fifo(2);
    fill(a);
    expect_error(b.write_from_bad_buffer(10), EFAULT);
    expect_read(a, "0");
    expect_read(a, "1");
    expect_queued(0, 0);
}

} // namespace
} // namespace ipcdev::conformance
