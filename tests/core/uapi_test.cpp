// SPDX-License-Identifier: MIT
//
// What the numbers of the interface for programs must be, also to each other.
// That its layout holds is shown by uapi_layout.c.
#include "uapi/ipcdev.h"

#include <gtest/gtest.h>

#include <set>

TEST(Uapi, EveryIoctlHasANumberOfItsOwn) {
    const std::set<unsigned long> numbers{IPCDEV_IOC_INFO,    IPCDEV_IOC_STATS,
                                          IPCDEV_IOC_WAITERS, IPCDEV_IOC_CONFIGURE,
                                          IPCDEV_IOC_CLEAR,   IPCDEV_IOC_BATCH};
    EXPECT_EQ(numbers.size(), 6U);
    std::set<unsigned long> numbers_within_type;
    for (const unsigned long number : numbers) {
        numbers_within_type.insert(_IOC_NR(number));
        EXPECT_EQ(_IOC_TYPE(number), static_cast<unsigned long>(IPCDEV_IOC_TYPE));
    }
    EXPECT_EQ(numbers_within_type.size(), 6U);
}

TEST(Uapi, TheLimitsAreThoseOfTheContract) {
    EXPECT_EQ(IPCDEV_ABI_VERSION, 1);
    EXPECT_STREQ(IPCDEV_DEFAULT_NAME, "ipcdev");
    EXPECT_EQ(IPCDEV_DEPTH_MIN, 1);
    EXPECT_EQ(IPCDEV_DEPTH_DEFAULT, 64);
    EXPECT_EQ(IPCDEV_DEPTH_MAX, 65536);
    EXPECT_EQ(IPCDEV_MESSAGE_MIN, 1);
    EXPECT_EQ(IPCDEV_MESSAGE_DEFAULT, 4096);
    EXPECT_EQ(IPCDEV_MESSAGE_MAX, 65536);
    EXPECT_EQ(IPCDEV_QUEUE_BYTES_MAX, 268435456);
    EXPECT_EQ(IPCDEV_PARKED_MAX, 4096);
    EXPECT_EQ(IPCDEV_BATCH_BYTES_MAX, 126976);
}

TEST(Uapi, AFrameIsItsHeadTheMessageAndPaddingTo8Bytes) {
    EXPECT_EQ(IPCDEV_FRAME_BYTES(1U), 16U);
    EXPECT_EQ(IPCDEV_FRAME_BYTES(8U), 16U);
    EXPECT_EQ(IPCDEV_FRAME_BYTES(9U), 24U);
    EXPECT_EQ(IPCDEV_FRAME_BYTES(IPCDEV_MESSAGE_MAX), 65544U);
    EXPECT_EQ(IPCDEV_BATCH_BYTES_MAX % IPCDEV_FRAME_ALIGN, 0U);
    EXPECT_LE(IPCDEV_FRAME_BYTES(IPCDEV_MESSAGE_MAX), IPCDEV_BATCH_BYTES_MAX);
}

TEST(Uapi, TheDefaultsAreInRange) {
    EXPECT_LE(IPCDEV_DEPTH_DEFAULT * IPCDEV_MESSAGE_DEFAULT, IPCDEV_QUEUE_BYTES_MAX);
}

// Programs store and send these: they stay what they are.
TEST(Uapi, TheNumbersOfModesServersAndCapabilitiesStay) {
    EXPECT_EQ(IPCDEV_MODE_FIFO, 1);
    EXPECT_EQ(IPCDEV_MODE_SLOT, 2);
    EXPECT_EQ(IPCDEV_MODE_RING, 3);
    EXPECT_EQ(IPCDEV_SERVER_MODULE, 1);
    EXPECT_EQ(IPCDEV_SERVER_CUSE, 2);
    EXPECT_EQ(IPCDEV_SERVER_FUSE, 3);
    EXPECT_EQ(IPCDEV_CAP_RESTART, 1U);
    EXPECT_EQ(IPCDEV_CAP_CHARDEV, 2U);
    EXPECT_EQ(IPCDEV_CAP_UNSPLIT, 4U);
    EXPECT_EQ(IPCDEV_CAP_NOWAIT, 8U);
    EXPECT_EQ(IPCDEV_WAITER_READ, 1);
    EXPECT_EQ(IPCDEV_WAITER_WRITE, 2);
    EXPECT_EQ(IPCDEV_WAITERS_PER_CALL, 32);
    EXPECT_EQ(IPCDEV_FRAME_REMAINDER, 1U);
    EXPECT_EQ(IPCDEV_FRAME_ALIGN, 8U);
}
