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
    ASSERT_EQ(packer.append(bytes_of("abc")), Packed::yes);
    EXPECT_EQ(text_of(packer.frames()),
              bytes_of_number(3) + bytes_of_number(0) + "abc" + std::string(5, '\0'));
}

TEST(Frames, WhatIsPackedIsFoundAgainInOrder) {
    Room room;
    FramePacker packer(room.bytes);
    for (const char* message : {"one", "12345678", "a"}) {
        ASSERT_EQ(packer.append(bytes_of(message)), Packed::yes);
    }
    EXPECT_EQ(packer.frames().size(), 48U);
    EXPECT_EQ(messages_of(packer.frames()), (std::vector<std::string>{"one", "12345678", "a"}));
}

TEST(Frames, WhatDoesNotFitChangesNothing) {
    Room room;
    FramePacker packer(std::span(room.bytes).first(31));
    ASSERT_EQ(packer.append(bytes_of("12345678")), Packed::yes);
    EXPECT_EQ(packer.append(bytes_of("x")), Packed::no_room); // would need 32
    EXPECT_EQ(messages_of(packer.frames()), std::vector<std::string>{"12345678"});
    EXPECT_EQ(room.bytes[16], std::byte{'?'});
}

// Who waits for room must know that there will be enough.
TEST(Frames, WhatCanNeverFitIsToldFromWhatHasNoRoomNow) {
    Room room;
    FramePacker packer(room.bytes);
    const std::string most(room.bytes.size() - sizeof(ipcdev_frame), 'm');
    ASSERT_EQ(packer.append(bytes_of("x")), Packed::yes);
    EXPECT_EQ(packer.append(bytes_of(most)), Packed::no_room);
    EXPECT_EQ(packer.append(bytes_of(most + "m")), Packed::never_fits);
    packer.drop(16);
    EXPECT_EQ(packer.append(bytes_of(most)), Packed::yes);
}

TEST(Frames, WhatIsNoMessageNeverFits) {
    std::vector<std::byte> room(IPCDEV_BATCH_BYTES_MAX);
    const std::vector<std::byte> largest(IPCDEV_MESSAGE_MAX + 1);
    FramePacker packer(room);
    EXPECT_EQ(packer.append({}), Packed::never_fits);
    EXPECT_EQ(packer.append(largest), Packed::never_fits);
    EXPECT_EQ(packer.append(std::span(largest).first(IPCDEV_MESSAGE_MAX)), Packed::yes);
}

TEST(Frames, AfterAPartWasWrittenTheRestIsLeft) {
    Room room;
    FramePacker packer(room.bytes);
    for (const char* message : {"1", "2", "3"}) {
        ASSERT_EQ(packer.append(bytes_of(message)), Packed::yes);
    }
    packer.drop(32);
    EXPECT_EQ(messages_of(packer.frames()), std::vector<std::string>{"3"});
    ASSERT_EQ(packer.append(bytes_of("4")), Packed::yes);
    EXPECT_EQ(messages_of(packer.frames()), (std::vector<std::string>{"3", "4"}));
    packer.clear();
    EXPECT_TRUE(packer.frames().empty());
}

TEST(Frames, ARemainderIsTold) {
    Room room;
    FramePacker packer(room.bytes);
    ASSERT_EQ(packer.append(bytes_of("rest"), IPCDEV_FRAME_REMAINDER), Packed::yes);
    ASSERT_EQ(packer.append(bytes_of("whole")), Packed::yes);
    FrameIterator frames(packer.frames());
    EXPECT_TRUE(frames.next()->is_remainder());
    EXPECT_FALSE(frames.next()->is_remainder());
    EXPECT_FALSE(frames.next().has_value());
    EXPECT_TRUE(frames.rest().empty());
}

TEST(Frames, AFrameThatIsCutEndsTheIterationAndIsTheRest) {
    Room room;
    FramePacker packer(room.bytes);
    ASSERT_EQ(packer.append(bytes_of("whole")), Packed::yes);
    ASSERT_EQ(packer.append(bytes_of("cut")), Packed::yes);
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

// Where a size has 32 bits, lengths near 4 GiB must not come round to small ones.
TEST(Frames, AreOfNoOtherSizeWhereSizesHave32Bits) {
    using detail::whole_frame;
    const std::uint32_t most = 0xFFFFFFFF;
    for (std::uint32_t length = most; length > most - 15; --length) {
        EXPECT_EQ(whole_frame<std::uint32_t>(16, length), std::nullopt) << length;
        EXPECT_EQ(whole_frame<std::uint32_t>(most, length), std::nullopt) << length;
        EXPECT_EQ(whole_frame<std::uint64_t>(most, length), std::nullopt) << length;
    }
    EXPECT_EQ(whole_frame<std::uint32_t>(most, most - 15), most - 7);
    EXPECT_EQ(whole_frame<std::uint64_t>(std::uint64_t{most} + 16, most), std::uint64_t{most} + 9);
    for (const std::uint32_t length : {1U, 7U, 8U, 9U, IPCDEV_MESSAGE_MAX + 0U}) {
        const auto bytes = static_cast<std::uint32_t>(IPCDEV_FRAME_BYTES(length));
        EXPECT_EQ(whole_frame<std::uint32_t>(bytes, length), bytes);
        EXPECT_EQ(whole_frame<std::uint32_t>(bytes - 1, length), std::nullopt);
    }
}

} // namespace
} // namespace ipcdev
