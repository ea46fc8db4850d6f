// SPDX-License-Identifier: MIT
//
// The bytes of messages. A Payload is a Message of the core with its bytes
// behind it, in one allocation, and between them room for the header of the
// answer that carries them, so that they need not be copied for it. The pool
// keeps what was given back, so that a warm daemon allocates nothing per message.
//
// Not thread-safe: callers serialise. The pool outlives its payloads.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "message.h"
#include "reply.h"

namespace ipcdev {

class Payload final : public Message {
  public:
    // Fit for Reply::bytes_in_place: memory of this payload is before them.
    [[nodiscard]] std::span<std::byte> bytes(const Slice& slice) {
        return {data() + slice.begin, slice.size()};
    }

  private:
    friend class PayloadPool;

    explicit Payload(std::span<const std::byte> bytes);
    std::byte* data() { return header_room_.end(); }

    // Last: the bytes follow it.
    std::array<std::byte, Reply::header_bytes> header_room_;
};

class PayloadPool {
  public:
    PayloadPool() = default;
    PayloadPool(const PayloadPool&) = delete;
    PayloadPool& operator=(const PayloadPool&) = delete;
    ~PayloadPool() { trim(); }

    // A payload with a copy of the bytes (1 to IPCDEV_MESSAGE_MAX); null if
    // there is no memory.
    [[nodiscard]] Payload* make(std::span<const std::byte> bytes);
    void release(Payload& payload);
    // Gives what is unused back to the system.
    void trim();

  private:
    // Classes of 64 bytes, 128, ... 65,536; at most half of a buffer is unused.
    static constexpr std::size_t smallest_bytes = 64;
    static constexpr std::size_t classes = 11;
    // Kept for reuse beyond what is in use; the rest goes back to the system.
    static constexpr std::size_t kept_bytes_max = std::size_t{4} << 20U;

    struct Unused {
        Unused* next;
    };

    static std::size_t class_of(std::size_t bytes);
    static std::size_t class_bytes(std::size_t index) { return smallest_bytes << index; }

    std::array<Unused*, classes> unused_{};
    std::size_t kept_bytes_ = 0;
};

} // namespace ipcdev
