// SPDX-License-Identifier: MIT
//
// Frames of /dev/ipcdev in C++20, for opens with IPCDEV_IOC_BATCH on: pack messages into
// a buffer for one write(2), and iterate over what one read(2) returned. No allocation,
// no exceptions, no system calls; errors are return values.
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
//         while (packed == ipcdev::Packed::no_room) { // until some frames are written
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

// The result of FramePacker::append.
enum class Packed : std::uint8_t {
    yes,
    no_room,   // until frames are written, and dropped from the buffer
    never_fits // empty, larger than any message, or larger than the empty buffer takes
};

// Packs frames into a buffer of the caller's.
class FramePacker {
  public:
    // One call moves at most IPCDEV_BATCH_BYTES_MAX bytes.
    explicit FramePacker(std::span<std::byte> buffer) : buffer_(buffer) {}

    // Appends a frame with a copy of the message, or changes nothing. `flags` must be 0 for
    // a write. A device may take less than IPCDEV_MESSAGE_MAX: write(2) then gives EMSGSIZE.
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

    // The bytes to pass to write(2).
    [[nodiscard]] std::span<const std::byte> frames() const { return buffer_.first(used_); }

    // Removes the first `bytes`, the result of write(2), which counts whole frames.
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

    // Not the whole message: its beginning was read before.
    [[nodiscard]] bool is_remainder() const { return (flags & IPCDEV_FRAME_REMAINDER) != 0; }
};

class FrameIterator {
  public:
    // `bytes` must outlive the iterator and the frames it returns.
    explicit FrameIterator(std::span<const std::byte> bytes) : left_(bytes) {}

    // The next frame; nothing at the end, or if what follows is no whole frame.
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

    // After the last frame: the bytes left that are no whole frame; normally none.
    [[nodiscard]] std::span<const std::byte> rest() const { return left_; }

  private:
    std::span<const std::byte> left_;
};

} // namespace ipcdev

#endif
