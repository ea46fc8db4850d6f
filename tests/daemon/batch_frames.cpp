// SPDX-License-Identifier: MIT
#include "batch_frames.h"

#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <cstddef>
#include <span>

#include "support/errors.h"
#include "uapi/ipcdev.h"
#include "uapi/ipcdev_frames.hpp"

namespace ipcdev::daemon_tests {

void use_batches(const test::Descriptor& opened) {
    const ipcdev_batch on{.size = sizeof(on), .on = 1};
    test::checked(ioctl(opened.get(), IPCDEV_IOC_BATCH, &on), "IPCDEV_IOC_BATCH");
}

std::string frames(const std::vector<std::string>& messages) {
    std::vector<std::byte> room(IPCDEV_BATCH_BYTES_MAX);
    FramePacker packer(room);
    for (const std::string& message : messages) {
        EXPECT_EQ(packer.append(std::as_bytes(std::span(message))), Packed::yes);
    }
    const auto packed = packer.frames();
    return {reinterpret_cast<const char*>(packed.data()), packed.size()};
}

} // namespace ipcdev::daemon_tests
