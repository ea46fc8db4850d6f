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

// A user, and what the device has of theirs. The caller owns it and sets who is
// privileged; the rest is the device's.
struct Account {
    bool privileged = false;  // may have as much as all together
    std::uint32_t parked = 0; // requests
    std::uint32_t copies = 0; // reads given bytes, neither done nor put back
};

struct Open;

struct Request {
    ListHook hook;      // in a list of parked requests, or in Effects::completed
    ListHook open_hook; // a parked read: in Open::readers

    // Set by the caller before submit.
    std::uint64_t id = 0;       // the caller's own; the device only carries it
    Account* account = nullptr; // of whom it is; outlives the request
    Open* open = nullptr;       // by which it came; not released before the request is over
    Operation operation = Operation::read;
    bool nonblocking = false;
    bool batch = false;      // it moves frames (uapi/ipcdev.h), not the bytes of one message
    std::uint64_t bytes = 0; // of the call: count of the read, size of the message or of all frames
    std::uint64_t largest = 0; // write with batch: bytes of its largest message
    // The payloads of a write that has bytes and none above max_message: one, or with
    // batch a chain by Message::next. Each becomes the device's (and the next one is set
    // here) when it is admitted; what is left here at the end is the caller's.
    Message* message = nullptr;

    // Set by the device when the request completes.
    RequestState state = RequestState::idle;
    int error = 0;          // 0 or a positive errno
    std::uint32_t done = 0; // bytes written, or bytes to copy to the reader; frames counted whole
    Slice taken;            // read: the `done` bytes that were taken
    PieceList pieces;       // read with batch: what was taken instead, a frame each
};

using RequestList = List<Request, &Request::hook>;
using OpenReaderList = List<Request, &Request::open_hook>;

// What one call of the device makes true for others. The caller acts on it
// after the call, outside any lock, and in any order; the lists are drained by
// then.
struct Effects {
    // Set by the caller: messages, or pieces of one, that may be moved besides the first.
    // Device::go_on() does what is left.
    std::uint32_t budget = std::numeric_limits<std::uint32_t>::max();
    // One more message? False: not in this step.
    [[nodiscard]] bool spend() {
        if (budget == 0) {
            return false;
        }
        --budget;
        return true;
    }

    RequestList completed;        // to be answered, in the order in which they completed
    MessageList retired_messages; // to be freed: no byte of them is left
    PieceList retired_pieces;     // to be freed: spares of put_back that are no longer needed
    bool became_readable = false; // a poller's edge: a message was queued, or given back
    bool became_writable = false; // a poller's edge: a full fifo got room
};

} // namespace ipcdev
