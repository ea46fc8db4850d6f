// SPDX-License-Identifier: MIT
//
// Turns a client's call into a Request, lets the Device decide, and answers what that
// completed. The same for both transports.
//
// Blocking is a reply that comes later. read() of an empty queue parks the
// request and returns; the write() that brings a message answers both. No
// thread ever waits for a client.
//
// Not thread-safe: one thread runs the session's loop and everything here.
#pragma once

#include <unistd.h>

#include <span>

#include "batch.h"
#include "device.h"
#include "open_file.h"
#include "payload.h"
#include "pending.h"
#include "session.h"

namespace ipcdev {

// A read or write as the kernel sent it.
struct ClientCall {
    std::uint64_t unique; // the kernel's id for it
    OpenFile& file;
    pid_t thread;
    off_t offset;
    std::size_t bytes;
    bool nonblocking; // O_NONBLOCK at the time of this call
};

struct IoctlCall {
    OpenFile& file;
    uid_t user; // of the caller
    unsigned command;
    std::span<const std::byte> in;
};

class Operations {
  public:
    // `owner`: of the node or file, if it is not the user who serves.
    Operations(const Settings& settings, std::optional<uid_t> owner);
    Operations(const Operations&) = delete;
    Operations& operator=(const Operations&) = delete;
    ~Operations();

    // Sets the session that the calls come from. Call it before the first of them.
    void attach(Session& session) { session_ = &session; }

    // Answers all parked calls with ENODEV, and drops all messages and opens. Call it while
    // the session exists, after its last request was served.
    void end();

    // `open_flags`: O_*. `user`: of the caller.
    void open(Reply reply, int open_flags, uid_t user);
    // The kernel sends it after the open's last call has ended.
    void release(Reply reply, OpenFile& file);
    void read(Reply reply, const ClientCall& client);
    // The bytes are copied.
    void write(Reply reply, const ClientCall& client, std::span<const std::byte> bytes);
    // The client that made this request got a signal.
    void interrupt(std::uint64_t unique);
    // `handle`: to notify at the next edge; none: the caller does not wait.
    void poll(Reply reply, OpenFile& file, std::optional<std::uint64_t> handle);
    void ioctl(Reply reply, const IoctlCall& call);

    [[nodiscard]] const Device& device() const { return device_; }
    [[nodiscard]] const Session& session() const { return *session_; }

  private:
    PendingCall* make_call(Reply reply, Operation operation, const ClientCall& client);
    void after_submit(PendingCall& call, Effects& effects);
    void act_on(Effects& effects);
    void answer(PendingCall& call, Effects& effects);
    void notify_pollers();
    void drop_all();
    void answer_read(PendingCall& call, Effects& effects);
    bool give_bytes(PendingCall& call);
    [[nodiscard]] int make_messages(PendingCall& call, std::span<const std::byte> bytes);
    void recycle(PendingCall& call);
    [[nodiscard]] bool may_be_rest(const ClientCall& client) const;
    void remember_end(const PendingCall& call);

    // The ioctls: each gets its struct, fills it in, and returns 0 or an errno.
    int inform(ipcdev_info& out) const;
    int count(ipcdev_stats& out) const;
    int list_waiters(ipcdev_waiters& in_out, const Account& asking) const;
    int configure(const ipcdev_configure& in, uid_t caller);
    int clear(const OpenFile& file);
    int switch_batch(const ipcdev_batch& in, OpenFile& file);

    // The user who started the daemon and so may configure it: it switches users later.
    const uid_t starter_ = geteuid();
    PayloadPool payloads_;
    FrameBuffer frames_;
    PendingCalls calls_;
    ParkedCalls parked_;
    Device device_;
    Accounts accounts_;
    OpenFileList files_;
    WatchedFileList watched_;
    Session* session_ = nullptr;
};

} // namespace ipcdev
