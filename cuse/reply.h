// SPDX-License-Identifier: MIT
//
// The right, and the duty, to answer one request. A Reply that is destroyed without an
// answer answers EIO, since a client that waits for a reply can't even be killed. Each
// answer returns false if the kernel did not take it, and then the client got nothing.
//
// Requires: at most one answer. A second one could go to another request with the same id.
//
// An answer is one write() to the connection, and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace ipcdev {

class Reply {
  public:
    // The size of the header that precedes every answer.
    static constexpr std::size_t header_bytes = 16;
    // As many as the number of an ioctl can encode.
    static constexpr std::size_t ioctl_bytes_max = (1U << 14U) - 1;

    Reply() = default;
    // Answers the request with the kernel's id `unique` on that connection.
    Reply(int connection, std::uint64_t unique) : unique_(unique), connection_(connection) {}
    Reply(Reply&& other) noexcept : unique_(other.detach()), connection_(other.connection_) {}
    Reply& operator=(Reply&& other) noexcept;
    Reply(const Reply&) = delete;
    Reply& operator=(const Reply&) = delete;
    ~Reply();

    bool error(int positive_errno); // 1 to 511: the kernel refuses others
    bool success();                 // to a release; to a read: 0 bytes
    // To a read: sends the bytes from where they are, and puts the header in front of them
    // for that moment. Requires: the header_bytes before `data` are the caller's memory.
    // They are restored.
    bool bytes_in_place(std::span<std::byte> data);
    bool count(std::size_t written); // to a write
    // To an open: the number by which the kernel names it in every call, and FOPEN_* flags.
    bool opened(std::uint64_t handle, std::uint32_t open_flags);
    bool ioctl_result(std::span<const std::byte> out); // at most ioctl_bytes_max
    bool poll_events(std::uint32_t events);            // POLL*

  private:
    std::uint64_t detach() { return std::exchange(unique_, 0); }
    std::uint64_t detach_to_answer();
    template <typename Out> bool send(const Out& out);

    std::uint64_t unique_ = 0; // 0: no request; the kernel's ids start at 2
    int connection_ = -1;
};

// Wakes the pollers of an open, which came with this handle.
void notify_poll(int connection, std::uint64_t poll_handle);

} // namespace ipcdev
