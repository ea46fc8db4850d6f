// SPDX-License-Identifier: MIT
//
// The reads and writes that the daemon has received and not answered.
//
// Not thread-safe: callers serialise.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "memory_limit.h"
#include "pages.h"
#include "request.h"
#include "uapi/ipcdev.h"

namespace ipcdev {

// A read or write that the daemon has received and not answered. Its id is the kernel's id
// for the request.
struct alignas(UndoLog::line_bytes) PendingCall final : Request {
    // For a put_back. While the queue holds it, the call can't be reused.
    struct Spare final : Piece {
        explicit Spare(PendingCall& owner) : call(owner) {}
        PendingCall& call;
    };

    Spare spare{*this};
    // Set in the call of the kernel that brings it, and not changed until it is released.
    pid_t thread = 0;           // that called
    off_t offset = 0;           // as the kernel sent it
    std::uint64_t since_ns = 0; // CLOCK_MONOTONIC when it parked
    ListHook parked_hook;       // in ParkedCalls, while it is parked
};

// A pool of PendingCalls; their addresses are stable. It has memory for as many as the
// device can hold, so that a call that would free memory can proceed when other calls have
// used up all the rest.
class PendingCalls {
  public:
    // Parked calls, and those being answered.
    static constexpr std::size_t count = IPCDEV_PARKED_MAX + 64;

    // Throws std::bad_alloc.
    PendingCalls() : places_(count) {}
    PendingCalls(const PendingCalls&) = delete;
    PendingCalls& operator=(const PendingCalls&) = delete;
    ~PendingCalls();

    // Null if all are in use. Its request is idle and not on any list.
    [[nodiscard]] PendingCall* make();
    void release(PendingCall& call);
    // The id of the one in that place, made or not: whatever is there.
    [[nodiscard]] std::uint64_t id_in(std::size_t place) { return places_.at(place)->id; }
    void wipe() const { places_.wipe(); }

  private:
    friend class Validation;
    static_assert(count * sizeof(PendingCall) <= calls_mib_max << 20U);

    Places<PendingCall> places_;
    RequestList unused_;
};

// Finds a parked call by its id in constant time, and allocates nothing: the
// device parks at most IPCDEV_PARKED_MAX of them.
class ParkedCalls {
  public:
    void add(PendingCall& call) { chain_of(call.id).push_back(call); }
    // Does nothing if it was not added.
    void remove(PendingCall& call);
    // Null if none has this id.
    [[nodiscard]] PendingCall* find(std::uint64_t id);

  private:
    friend class Validation;
    using Chain = List<PendingCall, &PendingCall::parked_hook>;

    static constexpr unsigned chains_log2 = 10; // on average four calls each, if all are parked

    [[nodiscard]] static std::size_t index_of(std::uint64_t id);
    [[nodiscard]] Chain& chain_of(std::uint64_t id) { return chains_[index_of(id)]; }

    std::array<Chain, std::size_t{1} << chains_log2> chains_;
};

} // namespace ipcdev
