// SPDX-License-Identifier: MIT
//
// An open of the device, which is an open file description in the kernel: the core's Open,
// and who made it, who polls it, and whether its calls move frames.
//
// The kernel splits a read of very many segments into several requests, its parts, each at
// the offset where the one before it ended. The rest of such a call must not get bytes of
// another message, nor bytes past those that another call of this open got in between. So it
// gets bytes only if the open has begun the message and continues exactly where the call
// stopped (goes_on). It never waits.
//
// Not thread-safe: callers serialise.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <utility>

#include "accounts.h"
#include "open.h"

namespace ipcdev {

class OpenFile final : public Open {
  public:
    OpenFile(int open_flags, Accounts::Handle of_who_opened)
        : flags(open_flags), account(std::move(of_who_opened)) {}
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    // The number by which the kernel identifies this open in every call: its address.
    [[nodiscard]] std::uint64_t handle() const { return reinterpret_cast<std::uintptr_t>(this); }
    [[nodiscard]] static OpenFile& of(std::uint64_t handle) {
        return *reinterpret_cast<OpenFile*>(handle); // NOLINT(performance-no-int-to-ptr)
    }

    // By which the kernel knows who polls this open, while watch_hook is linked.
    std::uint64_t poll_handle = 0;

    // Where a read that got bytes ended: in its call, and in the message.
    struct ReadEnd {
        pid_t thread = 0;           // that called; 0 if the daemon can't identify it
        off_t offset = 0;           // in the call, as the kernel counts
        std::uint64_t sequence = 0; // of the message
        std::uint32_t next = 0;     // offset of the message's next byte
    };
    // Call it for every read whose bytes the kernel took. `may_be_part`: the kernel may continue
    // the call.
    void remember_read(const ReadEnd& end, bool may_be_part);
    // The rest of a split call never starts past this offset.
    [[nodiscard]] off_t furthest_part_end() const { return furthest_part_end_; }
    // Would a read by that thread at this offset get the bytes that follow those its call
    // already has? If so, the open has begun the message, and these bytes are next.
    [[nodiscard]] bool goes_on(pid_t thread, off_t offset) const;

    ListHook hook;       // in the list of opens
    ListHook watch_hook; // in the list of opens to notify, while it has a poller
    const int flags;
    const Accounts::Handle account; // of the user who opened it
    bool batch = false;             // its calls move frames

  private:
    ReadEnd last_read_;
    off_t furthest_part_end_ = 0;
};

using OpenFileList = List<OpenFile, &OpenFile::hook>;
using WatchedFileList = List<OpenFile, &OpenFile::watch_hook>;

} // namespace ipcdev
