// SPDX-License-Identifier: MIT
//
// What the daemon owes: the reply to every call it has taken, and a notice to
// every poller. Nothing else keeps a fuse_req_t or a fuse_pollhandle.
//
// Not thread-safe: callers serialise.
#pragma once

#include <fuse_lowlevel.h>

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "request.h"

namespace ipcdev {

// The right, and the duty, to answer one request. One that is dropped without
// an answer answers EIO by itself: a client never waits for a reply that can't
// come. Each answer returns false if the kernel would not take it, because the
// connection is gone: then the client has got nothing.
class Reply {
  public:
    Reply() = default;
    explicit Reply(fuse_req_t request) : request_(request) {}
    Reply(Reply&& other) noexcept : request_(std::exchange(other.request_, nullptr)) {}
    Reply& operator=(Reply&& other) noexcept;
    Reply(const Reply&) = delete;
    Reply& operator=(const Reply&) = delete;
    ~Reply();

    bool error(int positive_errno); // 1 to 511: the kernel refuses others
    bool bytes(std::span<const std::byte> data);
    bool count(std::size_t written);
    bool ioctl_result(std::span<const std::byte> out);
    bool poll_events(unsigned events);

    [[nodiscard]] bool interrupted() const { return fuse_req_interrupted(request_) != 0; }
    // Calls `function` when the client is interrupted, until the answer. Only
    // for a request that is not interrupted yet: libfuse would call at once,
    // holding a lock of the request that an answer frees.
    void on_interrupt(fuse_interrupt_func_t function, void* data) {
        fuse_req_interrupt_func(request_, function, data);
    }

  private:
    fuse_req_t take() { return std::exchange(request_, nullptr); }

    fuse_req_t request_ = nullptr;
};

// Someone's open of the device: an open file description in the kernel.
class OpenFile {
  public:
    explicit OpenFile(int open_flags) : flags(open_flags) {}
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile();

    // libfuse carries the address of an open in a number, for each call on it.
    void become(fuse_file_info& info) { info.fh = reinterpret_cast<std::uintptr_t>(this); }
    [[nodiscard]] static OpenFile& of(const fuse_file_info& info) {
        return *reinterpret_cast<OpenFile*>(info.fh); // NOLINT(performance-no-int-to-ptr)
    }

    // Keeps the handle for notify_poller. The kernel has one poll handle for an
    // open, the same each time, so the newer one replaces the older.
    void watch(fuse_pollhandle* handle);
    // Wakes who polls this open, if anyone ever did. Never call it after the
    // session is destroyed.
    void notify_poller();

    // Where the last read or write of this open would go on, if the kernel has
    // split it.
    struct Part {
        pid_t thread = 0; // 0: it would not
        off_t offset = 0;
        std::uint64_t sequence = 0; // read: of the message
        std::uint32_t begin = 0;    // read: of what is left of it
    };

    ListHook hook; // in the list of opens
    const int flags;
    Part read_part;
    Part written_part;

  private:
    fuse_pollhandle* poller_ = nullptr;
};

using OpenFileList = List<OpenFile, &OpenFile::hook>;

// A read or write that the daemon has taken and not answered.
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
    void* owner = nullptr;      // for on_interrupt
};

// Hands out PendingCalls and takes them back; their addresses are stable.
class PendingCalls {
  public:
    // Null if there is no memory. Its request is idle and not on any list.
    [[nodiscard]] PendingCall* make();
    void release(PendingCall& call);

  private:
    // The entries the device can hold at most, parked or being answered, come to
    // little memory, so none is given back before the end.
    std::vector<std::unique_ptr<PendingCall>> all_;
    std::vector<PendingCall*> unused_;
};

} // namespace ipcdev
