// SPDX-License-Identifier: MIT
//
// Unit tests of what is kept of reads that the kernel has split.
#include <gtest/gtest.h>

#include "failing_memory.h"
#include "split_reads.h"

namespace ipcdev::daemon_tests {

namespace {

constexpr pid_t most = IPCDEV_PARKED_MAX;

ReadPart part(std::uint64_t sequence) {
    return {.offset = 25600, .sequence = sequence, .begin = 25600};
}

std::uint64_t sequence_of(SplitReads& reads, std::uint64_t open, pid_t thread) {
    const ReadPart* found = reads.find(open, thread);
    return found == nullptr ? 0 : found->sequence;
}

TEST(SplitReads, AreToldApartByOpenAndThread) {
    SplitReads reads;
    reads.remember(1, 10, part(110));
    reads.remember(1, 11, part(111));
    reads.remember(2, 10, part(210));
    EXPECT_EQ(sequence_of(reads, 1, 10), 110U);
    EXPECT_EQ(sequence_of(reads, 1, 11), 111U);
    EXPECT_EQ(sequence_of(reads, 2, 10), 210U);
    EXPECT_EQ(reads.find(2, 11), nullptr);
    EXPECT_EQ(reads.find(3, 10), nullptr);
}

TEST(SplitReads, AreKnownByTheLastPartUntilTheyAreForgotten) {
    SplitReads reads;
    reads.remember(1, 10, part(1));
    reads.remember(1, 11, part(2));
    reads.remember(1, 10, part(3));
    EXPECT_EQ(sequence_of(reads, 1, 10), 3U);
    reads.forget(1, 10);
    reads.forget(1, 12); // was never there
    EXPECT_EQ(reads.find(1, 10), nullptr);
    EXPECT_EQ(sequence_of(reads, 1, 11), 2U);
}

TEST(SplitReads, AreKeptOfAsManyThreadsAsCanBeParkedAndTheLatest) {
    SplitReads reads;
    const NoMemory none; // nor is any needed
    for (pid_t thread = 1; thread <= most; ++thread) {
        reads.remember(1, thread, part(static_cast<std::uint64_t>(thread)));
    }
    for (pid_t thread = 1; thread <= most; ++thread) {
        ASSERT_EQ(sequence_of(reads, 1, thread), static_cast<std::uint64_t>(thread));
    }
    reads.remember(1, 1, part(1)); // so that it isn't the oldest any more
    for (pid_t thread = 1; thread < most; ++thread) {
        reads.remember(2, thread, part(2));
    }
    EXPECT_EQ(sequence_of(reads, 1, 1), 1U);
    for (pid_t thread = 2; thread <= most; ++thread) {
        ASSERT_EQ(reads.find(1, thread), nullptr);
    }
    for (pid_t thread = 1; thread < most; ++thread) {
        ASSERT_EQ(sequence_of(reads, 2, thread), 2U);
    }
}

TEST(SplitReads, ThatWereForgottenMakeRoomForOthers) {
    SplitReads reads;
    for (pid_t thread = 1; thread <= 3 * most; ++thread) {
        reads.remember(1, thread, part(1));
        reads.forget(1, thread);
    }
    reads.remember(1, 1, part(1));
    for (pid_t thread = 2; thread <= most; ++thread) {
        reads.remember(1, thread, part(1));
    }
    EXPECT_NE(reads.find(1, 1), nullptr);
}

} // namespace

} // namespace ipcdev::daemon_tests
