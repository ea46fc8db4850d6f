// SPDX-License-Identifier: MIT
//
// What ends every parked request: how a daemon ends, which a kernel module's mirror can't.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>

#include "device.h"

namespace ipcdev::test {
namespace {

TEST(CancelAll, EndsReadersInTheOrderOfService) {
    Device device;
    Account user;
    Open open;
    std::array<Request, 3> readers;
    Effects effects;
    device.open(open);
    for (Request& reader : readers) {
        reader.account = &user;
        reader.open = &open;
        reader.bytes = 10;
        device.submit_read(reader, effects);
        ASSERT_EQ(reader.state, RequestState::parked);
    }
    device.cancel_all(ENODEV, effects);
    for (Request& reader : readers) {
        EXPECT_EQ(effects.completed.pop_front(), &reader);
        EXPECT_EQ(reader.state, RequestState::completed);
        EXPECT_EQ(reader.error, ENODEV);
    }
    EXPECT_TRUE(effects.completed.empty());
    EXPECT_EQ(device.gauges().parked_readers, 0U);
    EXPECT_EQ(device.statistics().interrupted, 0U) << "by no signal";
    device.release(open, effects);
}

TEST(CancelAll, EndsWritersWithWhatTheyWroteBefore) {
    Device device({.mode = Mode::fifo, .depth = 1, .max_message = 16});
    Account user;
    std::array<Message, 3> messages{Message(1), Message(1), Message(1)};
    std::array<Request, 2> writers;
    Effects effects;
    messages[0].next = &messages[1];
    writers[0].batch = true;
    writers[0].bytes = 2 * IPCDEV_FRAME_BYTES(1);
    writers[0].largest = 1;
    writers[0].message = messages.data();
    writers[1].bytes = 1;
    writers[1].message = &messages[2];
    for (Request& writer : writers) {
        writer.account = &user;
        device.submit_write(writer, effects);
        ASSERT_EQ(writer.state, RequestState::parked);
    }
    device.cancel_all(ENODEV, effects);
    EXPECT_EQ(effects.completed.pop_front(), writers.data());
    EXPECT_EQ(writers[0].error, 0);
    EXPECT_EQ(writers[0].done, IPCDEV_FRAME_BYTES(1));
    EXPECT_EQ(effects.completed.pop_front(), &writers[1]);
    EXPECT_EQ(writers[1].error, ENODEV);
    EXPECT_TRUE(effects.completed.empty());
    EXPECT_EQ(device.gauges().parked_writers, 0U);
    EXPECT_EQ(device.gauges().queued_messages, 1U) << "what is queued stays";
    device.clear(effects);
    while (effects.retired_messages.pop_front() != nullptr) {
    }
}

TEST(CancelAll, OfNobodyDoesNothing) {
    Device device;
    Effects effects;
    device.cancel_all(ENODEV, effects);
    EXPECT_TRUE(effects.completed.empty());
}

} // namespace
} // namespace ipcdev::test
