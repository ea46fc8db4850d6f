// SPDX-License-Identifier: MIT
//
// The replies that the daemon owes: to every read and write that came. Nothing
// else keeps a Reply.
//
// Not thread-safe: callers serialise.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "memory_limit.h"
#include "pages.h"
#include "reply.h"
#include "request.h"
#include "uapi/ipcdev.h"

namespace ipcdev {

// A read or write that came and is not answered yet. Its id is the
// kernel's name for the request.
struct PendingCall final : Request {
    // For a put_back. While the queue holds it, the call can't be reused.
    struct Spare final : Piece {
        explicit Spare(PendingCall& owner) : call(owner) {}
        PendingCall& call;
    };

    Spare spare{*this};
    Reply reply;
    pid_t thread = 0;           // who called
    off_t offset = 0;           // as the kernel sent it
    std::uint64_t since_ns = 0; // CLOCK_MONOTONIC when it parked
    ListHook parked_hook;       // in ParkedCalls, while it is parked
};

// Hands out PendingCalls and takes them back; their addresses are stable. There is
// memory for as many as the device can hold, so that a call that would free memory
// gets on where others have taken all there is.
class PendingCalls {
  public:
    // Parked ones, and those that are being answered.
    static constexpr std::size_t count = IPCDEV_PARKED_MAX + 64;

    // Throws std::bad_alloc.
    PendingCalls() : places_(count) {}
    PendingCalls(const PendingCalls&) = delete;
    PendingCalls& operator=(const PendingCalls&) = delete;
    ~PendingCalls();

    // Null if all are in use. Its request is idle and not on any list.
    [[nodiscard]] PendingCall* make();
    void release(PendingCall& call);

  private:
    static_assert(count * sizeof(PendingCall) <= calls_mib_max << 20U);

    Places<PendingCall> places_;
    RequestList unused_;
};

// Finds a parked call by its id in constant time, and allocates nothing: the
// device parks at most IPCDEV_PARKED_MAX of them.
class ParkedCalls {
  public:
    void add(PendingCall& call) { chain_of(call.id).push_back(call); }
    // Nothing if it was not added.
    void remove(PendingCall& call);
    // Null if none has this id.
    [[nodiscard]] PendingCall* find(std::uint64_t id);

  private:
    using Chain = List<PendingCall, &PendingCall::parked_hook>;

    static constexpr unsigned chains_log2 = 10; // four calls in each, when all are parked

    [[nodiscard]] Chain& chain_of(std::uint64_t id);

    std::array<Chain, std::size_t{1} << chains_log2> chains_;
};

} // namespace ipcdev
