// SPDX-License-Identifier: MIT
//
// Chapter 'Batches' of the contract: the switch, what is a frame, and what one call of
// one client does. Who waits for whom is in batch_hand_off.cpp.
#include "batch_test.h"

namespace ipcdev::conformance {
namespace {

using Batch = BatchTest;

// --- the switch

TEST_F(Batch, AnOpenBeginsWithoutIt) {
    contract("B1");
    write_ok(a, frame("x"));
    expect_read(b, frame("x"));
}

TEST_F(Batch, TheSwitchIsOfTheOpenFileDescriptionThatDupAndForkShare) {
    contract("B1");
    batches(a);
    const Outcome copy = a.dup();
    ASSERT_GE(copy.result, 0);
    Client child = a.fork("a's child");
    expect_result(a.write(frame("by dup"), static_cast<int>(copy.result)), 16);
    expect_result(child.write(frame("by fork")), 16);
    expect_read(b, "by dup");
    expect_read(b, "by fork");
    expect_result(switch_batch(child, 0), 0);
    write_ok(a, "plain");
    expect_read(b, "plain");
}

TEST_F(Batch, OtherOpensAreNotConcerned) {
    contract("B1");
    batches(a);
    write_ok(b, "plain");
    expect_frames(a, frame("plain"));
    const int batched = a.fd();
    open_ok(a);
    write_ok(a, "of the second open");
    expect_result(a.write(frame("of the first"), batched), 24);
    expect_read(b, "of the second open");
    expect_read(b, "of the first");
}

TEST_F(Batch, TheSwitchGoesOnAndOffAndAnythingElseGivesEINVAL) {
    contract("B1");
    for (const unsigned on : {1U, 1U, 0U, 0U, 1U}) {
        expect_result(switch_batch(a, on), 0);
    }
    for (const unsigned on : {2U, 0x101U, 0x80000000U, 0xFFFFFFFFU}) {
        expect_error(switch_batch(a, on), EINVAL);
    }
    write_ok(a, frame("still on"));
    expect_read(b, "still on");
}

TEST_F(Batch, TheSwitchNeedsNoMoreThanAReadOnlyOrAWriteOnlyOpen) {
    contract("B1");
    for (const int mode : {O_RDONLY, O_WRONLY}) {
        open_ok(a, mode);
        batches(a);
    }
}

TEST_F(Batch, TheSwitchGivesEBUSYWhileThatOpenHasAnOperationParked) {
    contract("B1");
    become_fifo(1);
    static_cast<void>(a.fd());
    Client thread = a.thread("a's thread");
    read_parks(thread);
    expect_error(switch_batch(a, 1), EBUSY);
    batches(b); // another open
    write_ok(b, frame("for a"));
    expect_read(thread, "for a");
    batches(a);
    write_ok(a, frame("fills"));
    write_parks(thread, frame("parks"));
    expect_error(switch_batch(a, 0), EBUSY);
    expect_frames(b, frame("fills"));
    expect_written(thread, 16);
    expect_result(switch_batch(a, 0), 0);
    expect_frames(b, frame("parks"));
}

// --- write

TEST_F(Batch, EachFrameBecomesAMessageInOrder) {
    contract("B4");
    batches(a);
    write_ok(a, frames({"one", "a longer two", "3"}));
    expect_queued(3, 16);
    expect_read(b, "one");
    expect_read(b, "a longer two");
    expect_read(b, "3");
}

TEST_F(Batch, AFrameIsPaddedToAMultipleOf8BytesTheLastOneToo) {
    contract("B2");
    batches(a);
    for (std::size_t size = 1; size <= 17; ++size) {
        const std::string message = pattern(size);
        ASSERT_EQ(frame(message).size() % 8, 0U);
        write_ok(a, frame(message) + frame("next"));
        expect_read(b, message);
        expect_read(b, "next");
    }
}

TEST_F(Batch, WhatThePaddingContainsIsIgnoredAndReadersGetZeroes) {
    contract("B2");
    batches(a);
    write_ok(a, frame("what a buffer held before"));
    expect_frames(a, frame("what a buffer held before"));
    std::string padded = frame("abc");
    padded.replace(11, 5, "xxxxx");
    write_ok(a, padded);
    expect_frames(a, frame("abc"));
}

TEST_F(Batch, AVectorOfOneSegmentIsACallLikeAnyOther) {
    contract("B3");
    batches(a);
    std::string padded = frames({"one", "three"});
    padded.replace(padded.size() - 3, 3, "xxx");
    expect_result(a.writev({padded}), static_cast<std::int64_t>(padded.size()));
    expect_queued(2, 8);
    const Outcome read = a.readv({most});
    expect_result(read, static_cast<std::int64_t>(padded.size()));
    EXPECT_EQ(read.bytes, frames({"one", "three"}));
    expect_error(a.writev({padded.substr(0, 20)}), EINVAL);
    expect_error(a.writev_from_bad_buffer(64), EFAULT);
    expect_queued(0, 0);
}

TEST_F(Batch, AMalformedCallGivesEINVALAndQueuesNothing) {
    contract("B4");
    batches(a);
    const std::string good = frame("good");
    for (const std::string& bad : {
             std::string(1, '\0'),                         // no header
             std::string(7, '\1'),                         // no header
             frame("cut header").substr(0, 4),             //
             frame("no payload").substr(0, 8),             //
             frame("cut payload").substr(0, 16),           //
             frame("cut padding, 1").substr(0, 23),        //
             frame("no padding").substr(0, 18),            //
             bytes_of(0xFFFFFFFFU) + std::string(12, 'x'), // longer than anything
             good + std::string(4, '\0'),                  //
         }) {
        const Outcome alone = a.write(bad);
        EXPECT_EQ(alone.result, -1);
        EXPECT_TRUE(alone.error == EINVAL || alone.error == EMSGSIZE) << alone.text();
        const Outcome behind = a.write(good + bad);
        EXPECT_EQ(behind.result, -1);
        EXPECT_TRUE(behind.error == EINVAL || behind.error == EMSGSIZE) << behind.text();
    }
    expect_error(a.write(frame("cut payload").substr(0, 16)), EINVAL);
    expect_error(a.write(good + frame("no padding").substr(0, 18)), EINVAL);
    expect_queued(0, 0);
}

TEST_F(Batch, AFrameOfLength0GivesEINVAL) {
    contract("B4");
    batches(a);
    expect_error(a.write(frame("")), EINVAL);
    expect_error(a.write(frame("good") + frame("")), EINVAL);
    expect_error(a.write(frame("good") + frame("") + frame("good")), EINVAL);
    expect_queued(0, 0);
}

TEST_F(Batch, FlagsThatAreNot0GiveEINVAL) {
    contract("B4");
    batches(a);
    for (const std::uint32_t flags : {1U, 2U, 0x80000000U}) {
        expect_error(a.write(frame("x", flags)), EINVAL);
        expect_error(a.write(frame("good") + frame("x", flags)), EINVAL);
    }
    expect_queued(0, 0);
}

TEST_F(Batch, AFrameAboveMaxMessageGivesEMSGSIZEAndQueuesNothing) {
    contract("B4", "W4");
    become_fifo(4, 100);
    batches(a);
    write_ok(a, frame(pattern(100)));
    expect_error(a.write(frame(pattern(101))), EMSGSIZE);
    expect_error(a.write(frame("good") + frame(pattern(101))), EMSGSIZE);
    expect_queued(1, 100);
    expect_read(b, pattern(100));
}

TEST_F(Batch, ACallMayHave124KiBAndMoreGivesEMSGSIZE) {
    contract("B3");
    batches(a);
    std::vector<std::string> messages;
    for (unsigned i = 0; i < 31; ++i) {
        messages.push_back(pattern(4096 - 8, i));
    }
    const std::string all = frames(messages);
    ASSERT_EQ(all.size(), most);
    write_ok(a, all);
    expect_frames(a, all);
    expect_error(a.write(all + frame("x")), EMSGSIZE);
    expect_error(a.write(all + all), EMSGSIZE);
    expect_queued(0, 0);
}

TEST_F(Batch, ALargestMessageFitsInAFrame) {
    contract("B3");
    become_fifo(2, IPCDEV_MESSAGE_MAX);
    batches(a);
    const std::string largest = pattern(IPCDEV_MESSAGE_MAX);
    write_ok(a, frame(largest) + frame("and a small one"));
    expect_frames(a, frame(largest) + frame("and a small one"));
}

TEST_F(Batch, AWriteOf0BytesReturns0AndQueuesNothing) {
    contract("B3", "W1", "R1");
    batches(a);
    expect_result(a.write(""), 0);
    expect_result(a.read(0), 0);
    expect_queued(0, 0);
}

TEST_F(Batch, AWriteFromABadBufferGivesEFAULTAndQueuesNothing) {
    contract("B12", "W7");
    batches(a);
    expect_error(a.write_from_bad_buffer(64), EFAULT);
    expect_queued(0, 0);
}

TEST_F(Batch, StatsCountEachFrameAsAMessage) {
    contract("B13", "I2");
    batches(a);
    const ipcdev_stats before = stats();
    write_ok(a, frames({"abc", "defgh"}));
    expect_frames(a, frames({"abc", "defgh"}));
    const ipcdev_stats now = stats();
    EXPECT_EQ(now.messages_written - before.messages_written, 2U);
    EXPECT_EQ(now.bytes_written - before.bytes_written, 8U);
    EXPECT_EQ(now.messages_read - before.messages_read, 2U);
    EXPECT_EQ(now.bytes_read - before.bytes_read, 8U);
}

TEST_F(Batch, ANonBlockingWriteTakesAsManyWholeFramesAsThereIsRoomFor) {
    contract("B6", "P5");
    become_fifo(3);
    batches_non_blocking(a);
    expect_result(a.write(frames({"1", "two", "3", "four", "5"})), 3 * 16);
    expect_queued(3, 5);
    expect_error(a.write(frames({"four", "5"})), EAGAIN);
    expect_read(b, "1");
    expect_result(a.write(frames({"four", "5"})), 16);
    expect_frames(a, frames({"two", "3", "four"}));
}

TEST_F(Batch, SlotTheLastFrameWinsAndTheOthersCountAsOverwritten) {
    contract("B7", "M3");
    become_slot();
    batches(a);
    write_ok(b, "old");
    const ipcdev_stats before = stats();
    write_ok(a, frames({"first", "second", "last"}));
    expect_queued(1, 4);
    EXPECT_EQ(stats().messages_overwritten - before.messages_overwritten, 3U);
    EXPECT_EQ(stats().messages_written - before.messages_written, 3U);
    expect_frames(a, frame("last"));
}

TEST_F(Batch, SlotAParkedReaderGetsTheLastFrame) {
    contract("B7", "B8");
    become_slot();
    batches(a);
    read_parks(b);
    write_ok(a, frames({"first", "last"}));
    expect_read(b, "last");
    expect_queued(0, 0);
}

// --- read

TEST_F(Batch, AReadReturnsAsManyWholeFramesAsThereAre) {
    contract("B9");
    batches(a);
    for (const char* message : {"one", "two", "three"}) {
        write_ok(b, message);
    }
    expect_frames(a, frames({"one", "two", "three"}));
    expect_queued(0, 0);
}

TEST_F(Batch, AReadReturnsAsManyWholeFramesAsFit) {
    contract("B9");
    become_fifo(8, 16);
    batches(a);
    for (const char* message : {"12345678", "2", "3", "sixteen letters!", "5"}) {
        write_ok(b, message);
    }
    expect_read(a, frames({"12345678"}), 24);
    expect_read(a, frames({"2"}), 31);
    expect_read(a, frames({"3"}), 16 + 23);
    expect_read(a, frames({"sixteen letters!", "5"}), 24 + 16);
}

TEST_F(Batch, TheBufferMustHoldAFrameOfMaxMessageElseEMSGSIZEAtOnce) {
    contract("B10");
    become_fifo(4, 101);
    batches(a);
    constexpr std::size_t enough = 8 + 104;
    expect_error(a.read(enough - 1), EMSGSIZE);
    expect_error(a.read(1), EMSGSIZE);
    write_ok(b, "x");
    expect_error(a.read(enough - 1), EMSGSIZE);
    expect_read(a, frame("x"), enough);
}

TEST_F(Batch, AReadOfMoreThan124KiBGivesEMSGSIZE) {
    contract("B3");
    batches(a);
    write_ok(b, "stays");
    for (const std::size_t count : {most + 1, most + 8, 2 * most, std::size_t{1} << 20U}) {
        expect_error(a.read(count), EMSGSIZE);
    }
    expect_frames(a, frame("stays"));
}

TEST_F(Batch, ANonBlockingReadGivesEAGAINWhenThereIsNone) {
    contract("B9", "R5");
    batches_non_blocking(a);
    expect_error(a.read(most), EAGAIN);
}

TEST_F(Batch, AReadIntoABadBufferGivesEFAULTAndTheFramesStay) {
    contract("B12", "R7");
    batches(a);
    write_ok(a, frames({"one", "two"}));
    expect_error(a.read_into_bad_buffer(most), EFAULT);
    expect_error(a.readv_into_bad_buffer(most), EFAULT);
    expect_frames(a, frames({"one", "two"}));
}

} // namespace
} // namespace ipcdev::conformance
