// SPDX-License-Identifier: MIT
//
// A message on its way through the device. The bytes themselves belong to the
// transport, which embeds Message in a buffer of its own; the core only decides
// who gets which of them.
//
// Invariants: queued + begun + copying <= size. The waiting bytes of a message are in one
// place: either all are queued, and then none is being copied; or one open has begun the
// message, and then only reads of that open copy from it. A message is retired (returned
// to the transport) when all three are 0: nobody can read it any more.
#pragma once

#include <cstdint>

#include "list.h"

namespace ipcdev {

struct Message;

// The bytes [begin, end) of a message's payload.
struct Slice {
    Kept<Message*> message;
    Kept<std::uint32_t> begin;
    Kept<std::uint32_t> end;

    [[nodiscard]] std::uint32_t size() const { return end - begin; }
};

// Consecutive bytes of a message that wait together. A message arrives as one piece, its
// own `whole`. It needs a second one only if a read returns bytes after another read of the
// same open has taken those that follow. A batch read takes whole pieces.
struct Piece {
    // In the queue or, while a message is gathered from there, aside of it; in Open::begun,
    // Request::pieces or Effects::retired_pieces.
    ListHook hook;
    Slice slice;
};

// What became of a message, for the statistics.
enum class Fate : std::uint8_t { read, overwritten, cleared };

struct Message {
    explicit Message(std::uint32_t bytes) : size(bytes) {}

    ListHook hook;                // in Effects::retired_messages
    Kept<Message*> next;          // of the same write; valid until it is admitted
    Piece whole;                  // links it into the queue
    Kept<std::uint64_t> sequence; // counts all messages admitted, from 1
    const std::uint32_t size;     // bytes of payload, 1 to max_message
    Kept<std::uint32_t> queued;   // bytes that wait in the queue
    Kept<std::uint32_t> begun;    // bytes that wait for the open that has begun it
    Kept<std::uint32_t> copying;  // bytes a reader was given and is copying out
};

using PieceList = List<Piece, &Piece::hook>;
using MessageList = List<Message, &Message::hook>;

} // namespace ipcdev
