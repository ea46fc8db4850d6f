// SPDX-License-Identifier: MIT
//
// Someone's open of the device, an open file description in the kernel: what the core
// knows of it, and beside that who made it, who polls it, and whether its calls move
// frames.
//
// A read of very many segments comes from the kernel as several requests, its parts, each at
// the offset at which the one before it ended. The rest of such a call must get no bytes of
// another message, nor any behind those that another call of this open got in between. So it
// is given what the open has begun if that goes on where its call stopped (goes_on), and
// nothing else; it never waits.
//
// Not thread-safe: callers serialise.
#pragma once

#include <fuse_lowlevel.h>

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
    ~OpenFile();

    // The number by which the kernel names this open in each call on it: its address.
    [[nodiscard]] std::uint64_t handle() const { return reinterpret_cast<std::uintptr_t>(this); }
    [[nodiscard]] static OpenFile& of(std::uint64_t handle) {
        return *reinterpret_cast<OpenFile*>(handle); // NOLINT(performance-no-int-to-ptr)
    }
    [[nodiscard]] static OpenFile& of(const fuse_file_info& info) { return of(info.fh); }

    // Keeps the handle for notify_poller. The kernel has one poll handle for an
    // open, the same each time, so the newer one replaces the older.
    void watch(fuse_pollhandle* handle);
    // Wakes who polls this open, and forgets the handle: once after each watch().
    // Requires: the session is not destroyed.
    void notify_poller();

    // Where a read ended that was given bytes: in its call, and in the message.
    struct ReadEnd {
        pid_t thread = 0;           // who called; 0: one that can't be told from others
        off_t offset = 0;           // in the call, as the kernel counts
        std::uint64_t sequence = 0; // of the message
        std::uint32_t next = 0;     // offset of the message's next byte
    };
    // To be told of each. `may_be_part`: the kernel may go on with its call.
    void remember_read(const ReadEnd& end, bool may_be_part);
    // No rest of a split call begins behind this.
    [[nodiscard]] off_t furthest_part_end() const { return furthest_part_end_; }
    // Does a read by that thread at this offset get the bytes behind those that its call
    // has got already? If so the open has begun the message, and its bytes are the first.
    [[nodiscard]] bool goes_on(pid_t thread, off_t offset) const;

    ListHook hook;       // in the list of opens
    ListHook watch_hook; // in the list of those to be notified, while it has a poller
    const int flags;
    const Accounts::Handle account; // of who opened it
    bool batch = false;             // its calls move frames

  private:
    ReadEnd last_read_;
    off_t furthest_part_end_ = 0;
    fuse_pollhandle* poller_ = nullptr;
};

using OpenFileList = List<OpenFile, &OpenFile::hook>;
using WatchedFileList = List<OpenFile, &OpenFile::watch_hook>;

} // namespace ipcdev
