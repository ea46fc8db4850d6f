// SPDX-License-Identifier: MIT
//
// What the chapters about batches have in common. Frames are put together here by hand,
// from the words of the contract, not by what the product offers for it.
#pragma once

#include "device_test.h"

namespace ipcdev::conformance {

// A frame with this message.
[[nodiscard]] inline std::string frame(std::string_view message, std::uint32_t flags = 0) {
    const auto length = static_cast<std::uint32_t>(message.size());
    std::string bytes = bytes_of(length) + bytes_of(flags) + std::string(message);
    bytes.resize((bytes.size() + 7) / 8 * 8);
    return bytes;
}

[[nodiscard]] inline std::string frames(const std::vector<std::string>& messages) {
    std::string bytes;
    for (const std::string& message : messages) {
        bytes += frame(message);
    }
    return bytes;
}

// What is left of a message that others began to read.
[[nodiscard]] inline std::string remainder(std::string_view message) {
    return frame(message, IPCDEV_FRAME_REMAINDER);
}

class BatchTest : public DeviceTest {
  protected:
    // The least that a batch read may ask for, with the default settings.
    static constexpr std::size_t least = IPCDEV_FRAME_BYTES(IPCDEV_MESSAGE_DEFAULT);
    static constexpr std::size_t most = IPCDEV_BATCH_BYTES_MAX;

    static Outcome switch_batch(Client& client, unsigned on, int fd = Client::own) {
        const ipcdev_batch argument{.size = sizeof(ipcdev_batch), .on = on};
        return client.ioctl(IPCDEV_IOC_BATCH, bytes_of(argument), fd);
    }
    // The client, opened if it was not, from now on moves frames.
    static void batches(Client& client, Where where = Where::here()) {
        expect_result(switch_batch(client, 1), 0, where);
    }
    static void batches_non_blocking(Client& client, Where where = Where::here()) {
        open_ok(client, O_RDWR | O_NONBLOCK, 0, where);
        batches(client, where);
    }
    static void expect_frames(Client& client, const std::string& bytes,
                              Where where = Where::here()) {
        expect_read(client, bytes, most, where);
    }
    static void frames_park(Client& client, Where where = Where::here()) {
        read_parks(client, most, where);
    }
};

} // namespace ipcdev::conformance
