// SPDX-License-Identifier: MIT
//
// The bytes of messages. A Payload is one block of an arena: the core's Message, room for
// the header of the answer, and the bytes, so that the answer is sent without a copy.
//
// Not thread-safe: callers serialise. The pool outlives its payloads.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "arena.h"
#include "memory_limit.h"
#include "message.h"
#include "reply.h"
#include "uapi/ipcdev.h"

namespace ipcdev {

class Payload final : public Message {
  public:
    // Suits answer_bytes_in_place: memory of this payload precedes them.
    [[nodiscard]] std::span<std::byte> bytes(const Slice& slice) {
        return {data() + slice.begin, slice.size()};
    }

  private:
    friend class PayloadPool;

    explicit Payload(std::span<const std::byte> bytes);
    std::byte* data() { return header_room_.end(); }

    // Last: the bytes follow it.
    std::array<std::byte, answer_header_bytes> header_room_;
};

// The block sizes of payloads: for messages of 8, 16, ... 64 bytes, and above that 8 sizes
// for each doubling. So at most a ninth of the room for a longer message is unused.
struct PayloadSizes {
    static constexpr std::size_t count = 88;

    // The index of the smallest size that holds a message of that many bytes.
    static constexpr std::size_t index(std::size_t bytes) {
        if (bytes <= 64) {
            return (bytes - 1) / 8;
        }
        const auto doubling = static_cast<unsigned>(std::bit_width(bytes - 1)) - 4;
        return (std::size_t{8} * (doubling - 2)) + ((bytes - 1) >> doubling) - 8;
    }
    // The largest message that a block of this size holds.
    static constexpr std::size_t message_bytes(std::size_t index) {
        return index < 8 ? 8 * (index + 1) : (9 + (index % 8)) << ((index / 8) + 2);
    }
    static constexpr std::size_t block_bytes(std::size_t index) {
        return sizeof(Payload) + message_bytes(index);
    }
};

class PayloadPool {
  public:
    // The most memory for all payloads. The longest queue takes 296 MiB, whatever the size
    // of its messages; the rest is for parked messages, and for those begun by a ring's
    // opens, which are not in its queue.
    static constexpr std::size_t slabs =
        ((held_mib_max - calls_mib_max) << 20U) / Arena::slab_bytes;

    // Throws std::bad_alloc.
    PayloadPool();

    // A payload with a copy of the bytes (1 to IPCDEV_MESSAGE_MAX); null if
    // there is no memory.
    [[nodiscard]] Payload* make(std::span<const std::byte> bytes);
    void release(Payload& payload);
    // Gives unused memory back to the system. The second: what is unused beyond what a warm daemon
    // keeps. Neither can be undone, nor can changes before it: commit them.
    void trim() { arena_.trim(); }
    [[nodiscard]] bool has_excess() const { return arena_.has_excess(); }
    void give_back_excess() { arena_.give_back_excess(); }
    // Might make() do so, for the payloads of one call?
    [[nodiscard]] bool may_give_back() const {
        return arena_.slabs_never_used() < PayloadSizes::count;
    }
    // Of a pool that has made none, in memory that had others: gives that back.
    void wipe() const { arena_.wipe(); }

    [[nodiscard]] std::size_t idle_bytes() const { return arena_.idle_bytes(); }

  private:
    friend class Validation;

    Arena arena_;
};

} // namespace ipcdev
