// SPDX-License-Identifier: MIT
//
// Answers to the kernel, each one write() to the connection, and nothing else.
//
// The kernel takes one answer to each request. A daemon that was killed may have sent it, so
// its successor sends it again: then, and only then, it may hear that there is no such request.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kept.h"

namespace ipcdev {

enum class Sent : std::uint8_t {
    taken,
    unknown, // the request was answered before, or the connection is gone with all its requests
    refused  // the client got nothing; the log says why
};

// The size of the header that precedes every answer.
inline constexpr std::size_t answer_header_bytes = 16;

// To a read or write.
Sent answer_error(int connection, std::uint64_t unique, int positive_errno); // 1 to 511; 0: success
Sent answer_count(int connection, std::uint64_t unique, std::size_t written);
// Sends the bytes from where they are, and puts the header in front of them for that moment.
// Requires: the answer_header_bytes before `data` are the caller's memory. They are restored, by
// the undo log if the process is killed meanwhile.
Sent answer_bytes_in_place(int connection, std::uint64_t unique, std::span<std::byte> data);

// An answer that is kept until it is sent.
class KeptAnswer {
  public:
    // As many as the number of an ioctl can encode.
    static constexpr std::size_t ioctl_bytes_max = (1U << 14U) - 1;

    void error(std::uint64_t unique, int positive_errno); // 0: success
    // The number by which the kernel names the open in every call, and FOPEN_* flags.
    void opened(std::uint64_t unique, std::uint64_t handle, std::uint32_t open_flags);
    void ioctl_result(std::uint64_t unique, std::span<const std::byte> out);
    void poll_events(std::uint64_t unique, std::uint32_t events); // POLL*

    [[nodiscard]] bool is_owed() const { return bytes_ != 0; }
    // Can what is there be one, or none?
    [[nodiscard]] bool is_sound() const;
    // Requires: it is owed, and is not from then on. The second: as this error instead.
    Sent send(int connection);
    Sent refuse(int connection, int positive_errno);

  private:
    template <typename Out> void hold(std::uint64_t unique, const Out& out);

    Kept<std::uint32_t> bytes_; // 0: none
    alignas(8) std::array<std::byte, answer_header_bytes + 16 + ioctl_bytes_max> answer_;
};

// Wakes the pollers of an open, which came with this handle.
void notify_poll(int connection, std::uint64_t poll_handle);

// Was the request read from the connection, and is it not answered yet? Changes nothing.
[[nodiscard]] bool is_unanswered(int connection, std::uint64_t unique);
// Has the kernel send once more an interrupt of this request that may have been lost.
void repeat_interrupt(int connection, std::uint64_t unique);

} // namespace ipcdev
