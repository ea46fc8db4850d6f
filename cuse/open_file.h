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
#include <functional>
#include <utility>

#include "accounts.h"
#include "open.h"
#include "pages.h"

namespace ipcdev {

class OpenFile final : public Open {
  public:
    OpenFile() = default;
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    // By which the kernel knows who polls this open, while watch_hook is linked.
    Kept<std::uint64_t> poll_handle;

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

    ListHook hook;          // in the list of opens
    ListHook watch_hook;    // in the list of opens to notify, while it has a poller
    Kept<int> flags;        // O_*
    Kept<uid_t> user;       // who opened it
    Kept<Account*> account; // of the user who opened it
    Kept<bool> batch;       // its calls move frames

  private:
    friend class OpenFiles;
    friend class Validation;

    void forget_calls();

    Kept<std::uint32_t> generation_; // how often its place was used
    Kept<std::uint8_t> is_open_;     // 1: it is; no bool, as it may be anything in a spoiled state
    Kept<ReadEnd> last_read_;
    Kept<off_t> furthest_part_end_;
};

using OpenFileList = List<OpenFile, &OpenFile::hook>;
using WatchedFileList = List<OpenFile, &OpenFile::watch_hook>;

// All opens, by the number by which the kernel identifies each in every call.
class OpenFiles {
  public:
    static constexpr std::size_t count = 1U << 18U; // at a time

    // Throws std::bad_alloc.
    OpenFiles() : places_(count) {}
    OpenFiles(const OpenFiles&) = delete;
    OpenFiles& operator=(const OpenFiles&) = delete;
    ~OpenFiles();

    // Null if there are too many.
    [[nodiscard]] OpenFile* make(int flags, Account& account);
    // Requires: it is on no list, and the device knows it no more.
    void release(OpenFile& file);
    [[nodiscard]] OpenFile* first() { return open_.front(); }

    [[nodiscard]] std::uint64_t handle(const OpenFile& file) const;
    // Is it of one that is open?
    [[nodiscard]] bool has(std::uint64_t handle);
    // Requires: it is.
    [[nodiscard]] OpenFile& of(std::uint64_t handle);

    [[nodiscard]] std::size_t made() const { return places_.made(); }
    // Of a table that has made none, in memory that had another: takes over up to `most` opens of
    // that one, as they were opened, with nothing begun or parked. `take` gets each, and gives it
    // an account, or returns false. What can't be an open is left out; its place is not used
    // again. May be cut short and repeated.
    void restore(std::size_t most, const std::function<bool(OpenFile&)>& take);

  private:
    friend class Validation;

    Places<OpenFile> places_;
    OpenFileList open_;
    OpenFileList unused_;
};

} // namespace ipcdev
