// SPDX-License-Identifier: MIT
//
// What programs pack and iterate frames with: uapi/ipcdev_frames.hpp.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "uapi/ipcdev_frames.hpp"

namespace ipcdev {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string bytes_of_number(std::uint32_t number) {
    return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

std::vector<std::string> messages_of(std::span<const std::byte> bytes) {
    std::vector<std::string> messages;
    FrameIterator frames(bytes);
    while (const auto frame = frames.next()) {
        messages.push_back(text_of(frame->message));
    }
    return messages;
}

struct Room {
    Room() { bytes.fill(std::byte{'?'}); }
    std::array<std::byte, 64> bytes{};
};

TEST(Frames, AFrameIsALengthFlagsTheMessageAndPaddingOfZeroes) {
    Room room;
    FramePacker packer(room.bytes);
    ASSERT_TRUE(packer.append(bytes_of("abc")));
    EXPECT_EQ(text_of(packer.frames()),
              bytes_of_number(3) + bytes_of_number(0) + "abc" + std::string(5, '\0'));
}

TEST(Frames, WhatIsPackedIsFoundAgainInOrder) {
    Room room;
    FramePacker packer(room.bytes);
    for (const char* message : {"one", "12345678", "a"}) {
        ASSERT_TRUE(packer.append(bytes_of(message)));
    }
    EXPECT_EQ(packer.frames().size(), 48U);
    EXPECT_EQ(messages_of(packer.frames()), (std::vector<std::string>{"one", "12345678", "a"}));
}

TEST(Frames, WhatDoesNotFitChangesNothing) {
    Room room;
    FramePacker packer(std::span(room.bytes).first(31));
    ASSERT_TRUE(packer.append(bytes_of("12345678")));
    EXPECT_FALSE(packer.append(bytes_of("x"))); // would need 32
    EXPECT_EQ(messages_of(packer.frames()), std::vector<std::string>{"12345678"});
    EXPECT_EQ(room.bytes[16], std::byte{'?'});
}

TEST(Frames, WhatIsNoMessageIsRefused) {
    std::vector<std::byte> room(IPCDEV_BATCH_BYTES_MAX);
    const std::vector<std::byte> largest(IPCDEV_MESSAGE_MAX + 1);
    FramePacker packer(room);
    EXPECT_FALSE(packer.append({}));
    EXPECT_FALSE(packer.append(largest));
    EXPECT_TRUE(packer.append(std::span(largest).first(IPCDEV_MESSAGE_MAX)));
}

TEST(Frames, AfterAPartWasWrittenTheRestIsLeft) {
    Room room;
    FramePacker packer(room.bytes);
    for (const char* message : {"1", "2", "3"}) {
        ASSERT_TRUE(packer.append(bytes_of(message)));
    }
    packer.drop(32);
    EXPECT_EQ(messages_of(packer.frames()), std::vector<std::string>{"3"});
    ASSERT_TRUE(packer.append(bytes_of("4")));
    EXPECT_EQ(messages_of(packer.frames()), (std::vector<std::string>{"3", "4"}));
    packer.clear();
    EXPECT_TRUE(packer.frames().empty());
}

TEST(Frames, ARemainderIsTold) {
    Room room;
    FramePacker packer(room.bytes);
    ASSERT_TRUE(packer.append(bytes_of("rest"), IPCDEV_FRAME_REMAINDER));
    ASSERT_TRUE(packer.append(bytes_of("whole")));
    FrameIterator frames(packer.frames());
    EXPECT_TRUE(frames.next()->is_remainder());
    EXPECT_FALSE(frames.next()->is_remainder());
    EXPECT_FALSE(frames.next().has_value());
    EXPECT_TRUE(frames.rest().empty());
}

TEST(Frames, AFrameThatIsCutEndsTheIterationAndIsTheRest) {
    Room room;
    FramePacker packer(room.bytes);
    ASSERT_TRUE(packer.append(bytes_of("whole")));
    ASSERT_TRUE(packer.append(bytes_of("cut")));
    for (std::size_t left = 17; left < 32; ++left) {
        FrameIterator frames(packer.frames().first(left));
        EXPECT_TRUE(frames.next().has_value());
        EXPECT_FALSE(frames.next().has_value()) << left;
        EXPECT_EQ(frames.rest().size(), left - 16);
    }
}

TEST(Frames, ALengthBeyondAllMemoryIsCutToo) {
    const std::string frame = bytes_of_number(0xFFFFFFFF) + bytes_of_number(0) + "x";
    FrameIterator frames(bytes_of(frame));
    EXPECT_FALSE(frames.next().has_value());
    EXPECT_EQ(frames.rest().size(), frame.size());
}

} // namespace
} // namespace ipcdev
