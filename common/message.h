// SPDX-License-Identifier: MIT
//
// A message on its way through the device. The bytes themselves belong to the
// transport, which embeds Message in a buffer of its own; the core only decides
// who gets which slice of them.
//
// Invariants: queued + begun + copying <= size. What waits of a message is in one place:
// it is queued, and then none of it is copied; or one open has begun it, and then all that
// is copied of it is copied by reads of that open. A message is retired (given back to the
// transport) when all three are 0: nobody can ask for its bytes any more.
#pragma once

#include <cstdint>

#include "list.h"

namespace ipcdev {

struct Message;

// The bytes [begin, end) of a message's payload.
struct Slice {
    Message* message = nullptr;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;

    [[nodiscard]] std::uint32_t size() const { return end - begin; }
};

// Bytes of a message that wait together. A message arrives as one piece, its own
// `whole`. It takes a second one only when a read gives bytes back after another read
// of the same open has taken those behind them. A batch read takes whole pieces.
struct Piece {
    ListHook hook; // in the queue, Open::begun, Request::pieces or Effects::retired_pieces
    Slice slice;
};

// What became of a message, for the statistics.
enum class Fate : std::uint8_t { read, overwritten, cleared };

struct Message {
    explicit Message(std::uint32_t bytes) : size(bytes) {}

    ListHook hook;              // in Effects::retired_messages
    Message* next = nullptr;    // of the same write; until it is admitted
    Piece whole;                // how it arrives in the queue
    std::uint64_t sequence = 0; // its place among all messages admitted, from 1
    const std::uint32_t size;   // bytes of payload, 1 to max_message
    std::uint32_t queued = 0;   // bytes that wait in the queue
    std::uint32_t begun = 0;    // bytes that wait for the open that has begun it
    std::uint32_t copying = 0;  // bytes a reader was given and is copying out
};

using PieceList = List<Piece, &Piece::hook>;
using MessageList = List<Message, &Message::hook>;

} // namespace ipcdev
