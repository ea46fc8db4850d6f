// SPDX-License-Identifier: MIT
//
// What the daemon owes: the reply to every call it has taken, and a notice to
// every poller. Nothing else keeps a Reply or a fuse_pollhandle.
//
// Not thread-safe: callers serialise.
#pragma once

#include <fuse_lowlevel.h>

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "accounts.h"
#include "memory_limit.h"
#include "pages.h"
#include "reply.h"
#include "request.h"
#include "uapi/ipcdev.h"

namespace ipcdev {

// Someone's open of the device: an open file description in the kernel.
class OpenFile {
  public:
    OpenFile(int open_flags, Accounts::Handle of_who_opened)
        : flags(open_flags), account(std::move(of_who_opened)) {}
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile();

    // libfuse carries the address of an open in a number, for each call on it.
    void become(fuse_file_info& info) { info.fh = reinterpret_cast<std::uintptr_t>(this); }
    [[nodiscard]] static OpenFile& of(const fuse_file_info& info) { return of(info.fh); }
    [[nodiscard]] static OpenFile& of(std::uint64_t handle) {
        return *reinterpret_cast<OpenFile*>(handle); // NOLINT(performance-no-int-to-ptr)
    }

    // Keeps the handle for notify_poller. The kernel has one poll handle for an
    // open, the same each time, so the newer one replaces the older.
    void watch(fuse_pollhandle* handle);
    // Wakes who polls this open, and forgets the handle: once after each watch(). Never
    // call it after the session is destroyed.
    void notify_poller();

    ListHook hook;       // in the list of opens
    ListHook watch_hook; // in the list of those to be notified, while it has a poller
    const int flags;
    const Accounts::Handle account;       // of who opened it
    const std::uint64_t number = ++made_; // no other open has had it; an address may be used again
    bool batch = false;                   // its calls move frames

  private:
    static inline std::uint64_t made_ = 0;

    fuse_pollhandle* poller_ = nullptr;
};

using OpenFileList = List<OpenFile, &OpenFile::hook>;
using WatchedFileList = List<OpenFile, &OpenFile::watch_hook>;

// A read or write that the daemon has taken and not answered. Its id is the
// kernel's name for the request.
struct PendingCall final : Request {
    // For a put_back. While the queue holds it, the call can't be reused.
    struct Spare final : Piece {
        explicit Spare(PendingCall& owner) : call(owner) {}
        PendingCall& call;
    };

    Spare spare{*this};
    Reply reply;
    OpenFile* file = nullptr;
    pid_t thread = 0;           // who called
    off_t offset = 0;           // as the kernel sent it
    bool continuation = false;  // the rest of a system call that the kernel split
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
