// SPDX-License-Identifier: MIT
//
// Frames of /dev/ipcdev in C++20, for opens with IPCDEV_IOC_BATCH on: pack messages into
// a buffer for one write(2), and iterate over what one read(2) returned. No allocation,
// no exceptions, no system calls; errors are told by the return value.
//
//     std::array<std::byte, IPCDEV_BATCH_BYTES_MAX> buffer;
//     ipcdev::FramePacker packer(buffer);
//     const auto write_some = [&] { // false: errno says why
//         const ssize_t taken = write(fd, packer.frames().data(), packer.frames().size());
//         if (taken != -1) packer.drop(static_cast<std::size_t>(taken));
//         return taken != -1;
//     };
//     for (const auto& message : messages) {
//         auto packed = packer.append(message);
//         while (packed == ipcdev::Packed::no_room) { // until some of it is written
//             if (!write_some()) return errno;
//             packed = packer.append(message);
//         }
//         if (packed == ipcdev::Packed::never_fits) return EMSGSIZE;
//     }
//     while (!packer.frames().empty()) {
//         if (!write_some()) return errno;
//     }
//
//     const ssize_t got = read(fd, buffer.data(), buffer.size());
//     if (got == -1) return errno;
//     ipcdev::FrameIterator frames{std::span(buffer).first(static_cast<std::size_t>(got))};
//     while (const auto frame = frames.next()) { use(frame->message); }
//
// Not thread-safe: callers serialise.
#ifndef IPCDEV_FRAMES_HPP
#define IPCDEV_FRAMES_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "ipcdev.h"

namespace ipcdev {

namespace detail {

// Bytes of the frame at the beginning of `left` bytes, if all of it is there. Nothing wraps,
// of whatever type a size is: the tests take 32 bits.
template <typename Size>
[[nodiscard]] constexpr std::optional<Size> whole_frame(Size left, std::uint32_t length) {
    constexpr Size head = sizeof(ipcdev_frame);
    if (left < head || length > left - head) {
        return std::nullopt;
    }
    const Size unpadded = head + static_cast<Size>(length);
    const Size padding = (IPCDEV_FRAME_ALIGN - unpadded % IPCDEV_FRAME_ALIGN) % IPCDEV_FRAME_ALIGN;
    if (padding > left - unpadded) {
        return std::nullopt;
    }
    return unpadded + padding;
}

} // namespace detail

// What became of a message that was to be packed.
enum class Packed : std::uint8_t {
    yes,
    no_room,   // until frames are written, and dropped
    never_fits // no bytes, more than any message has, or more than an empty buffer takes
};

// Writes frames one behind the other into a buffer of the caller's.
class FramePacker {
  public:
    // IPCDEV_BATCH_BYTES_MAX bytes are the most that one call moves.
    explicit FramePacker(std::span<std::byte> buffer) : buffer_(buffer) {}

    // A frame with a copy of the message. Otherwise nothing changes. Who writes sets no
    // flags. A device may take less than IPCDEV_MESSAGE_MAX: write(2) then says EMSGSIZE.
    [[nodiscard]] Packed append(std::span<const std::byte> message, std::uint32_t flags = 0) {
        if (message.empty() || message.size() > IPCDEV_MESSAGE_MAX) {
            return Packed::never_fits;
        }
        const std::size_t bytes = IPCDEV_FRAME_BYTES(message.size());
        if (bytes > buffer_.size() - used_) {
            return bytes > buffer_.size() ? Packed::never_fits : Packed::no_room;
        }
        const ipcdev_frame frame{.length = static_cast<__u32>(message.size()), .flags = flags};
        std::byte* const at = buffer_.data() + used_;
        std::memcpy(at, &frame, sizeof(frame));
        std::memcpy(at + sizeof(frame), message.data(), message.size());
        const std::size_t end = sizeof(frame) + message.size();
        std::memset(at + end, 0, bytes - end);
        used_ += bytes;
        return Packed::yes;
    }

    // What write(2) is to be given.
    [[nodiscard]] std::span<const std::byte> frames() const { return buffer_.first(used_); }

    // The first `bytes` were written, which write(2) counts in whole frames.
    void drop(std::size_t bytes) {
        used_ -= bytes;
        std::memmove(buffer_.data(), buffer_.data() + bytes, used_);
    }

    void clear() { used_ = 0; }

  private:
    std::span<std::byte> buffer_;
    std::size_t used_ = 0;
};

struct Frame {
    std::span<const std::byte> message;
    std::uint32_t flags = 0; // IPCDEV_FRAME_*

    // Not the whole message: the rest of it was read by others.
    [[nodiscard]] bool is_remainder() const { return (flags & IPCDEV_FRAME_REMAINDER) != 0; }
};

class FrameIterator {
  public:
    // `bytes` outlive the iterator and the frames it returns.
    explicit FrameIterator(std::span<const std::byte> bytes) : left_(bytes) {}

    // The next frame; nothing at the end, and before a frame that is cut.
    [[nodiscard]] std::optional<Frame> next() {
        ipcdev_frame frame{};
        if (left_.size() < sizeof(frame)) {
            return std::nullopt;
        }
        std::memcpy(&frame, left_.data(), sizeof(frame));
        const auto bytes = detail::whole_frame(left_.size(), frame.length);
        if (!bytes) {
            return std::nullopt;
        }
        const Frame found{.message = left_.subspan(sizeof(frame), frame.length),
                          .flags = frame.flags};
        left_ = left_.subspan(*bytes);
        return found;
    }

    // After the last frame: bytes that are no whole frame; none if all is well.
    [[nodiscard]] std::span<const std::byte> rest() const { return left_; }

  private:
    std::span<const std::byte> left_;
};

} // namespace ipcdev

#endif
