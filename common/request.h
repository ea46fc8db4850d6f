// SPDX-License-Identifier: MIT
//
// What goes into the device and what comes out of it.
//
// The caller owns every Request and keeps it alive from submit until it comes
// out of Effects::completed (and, for a read that got bytes, until copy_done or
// put_back). The hook, state and result fields are the device's.
#pragma once

#include <cstdint>
#include <limits>

#include "message.h"

namespace ipcdev {

enum class Operation : std::uint8_t { read, write };

// idle -> (parked ->) completed -> copying (reads that got bytes) -> idle
enum class RequestState : std::uint8_t { idle, parked, completed, copying };

// A user's share of the limits. The caller owns it and sets `privileged`; the rest is the
// device's.
struct Account {
    bool privileged = false;    // only the limit for the whole device applies
    Kept<std::uint32_t> parked; // requests
    Kept<std::uint32_t> copies; // reads given bytes, neither done nor put back
};

struct Open;

struct Request {
    ListHook hook;      // in a list of parked requests, or in Effects::completed
    ListHook open_hook; // a parked read: in Open::readers

    // Set by the caller before submit.
    Kept<std::uint64_t> id; // the caller's own; the device only carries it
    Kept<Account*> account; // who is charged for it; outlives the request
    Kept<Open*> open;       // that it came by; released only after the request is over
    Kept<Operation> operation{Operation::read};
    Kept<bool> nonblocking;
    Kept<bool> batch;          // it moves frames (uapi/ipcdev.h), not the bytes of one message
    Kept<std::uint64_t> bytes; // of the call: count of the read, size of the message or all frames
    Kept<std::uint64_t> largest; // write with batch: bytes of its largest message
    // The payloads of a write with bytes, if none exceeds max_message: one message, or
    // with batch a chain linked by Message::next. As the device admits a message it takes
    // it and advances this to the next; what is left here at the end is the caller's.
    Kept<Message*> message;

    // Set by the device when the request completes.
    Kept<RequestState> state{RequestState::idle};
    Kept<int> error;          // 0 or a positive errno
    Kept<std::uint32_t> done; // bytes written, or to be copied to the reader; batch: of frames
    Slice taken;              // read: the `done` bytes that were taken
    PieceList pieces;         // read with batch, instead of `taken`: one for each frame
};

using RequestList = List<Request, &Request::hook>;
using OpenReaderList = List<Request, &Request::open_hook>;

// What one call of the device changed for others. The caller acts on it after the call,
// outside any lock, in any order, and must empty the lists.
struct Effects {
    // Set by the caller: how many messages, or pieces of one, may be moved besides the
    // first. Device::go_on() does the rest.
    std::uint32_t budget = std::numeric_limits<std::uint32_t>::max();
    // Spends one. False if the budget of this step is used up.
    [[nodiscard]] bool spend() {
        if (budget == 0) {
            return false;
        }
        --budget;
        return true;
    }

    RequestList completed;        // to be answered, in the order in which they completed
    MessageList retired_messages; // to be freed: none of their bytes is left
    PieceList retired_pieces;     // to be freed: spares of put_back that are no longer needed
    bool became_readable = false; // an edge for pollers: bytes are there that were not
    bool became_writable = false; // an edge for pollers: a full fifo got room
};

} // namespace ipcdev
