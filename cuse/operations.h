// SPDX-License-Identifier: MIT
//
// Turns a client's call into a Request, lets the Device decide, and answers what that
// completed. The same for both transports.
//
// Blocking is a reply that comes later. read() of an empty queue parks the
// request and returns; the write() that brings a message answers both. No
// thread ever waits for a client.
//
// All of it may be in memory that outlives the process, and then so does the device (keeper.h):
//
//     a call comes   the device does it, and puts what is to be answered into effects_ or answer_
//     commit()       from here on it is done. Before, it never was: it is undone, and done anew
//     deliver()      sends the answers, and removes each, with all that follows from it. That is
//                    committed with the next call. Until then they may be sent once more, and
//                    that is harmless: the kernel knows which it has taken
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

// In the order of use, although that leaves gaps.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
class Operations {
  public:
    // `owner`: of the node or file, if it is not the user who serves. `starter`: who started the
    // daemon and so may configure it.
    Operations(const Settings& settings, std::optional<uid_t> owner, uid_t starter);
    Operations(const Operations&) = delete;
    Operations& operator=(const Operations&) = delete;
    ~Operations();

    // Sets the session that the calls come from. Call it before the first of them, and in each
    // process that goes on.
    void attach(Session& session) { session_ = &session; }

    // Answers all parked calls with ENODEV, and drops all messages and opens. Call it while
    // the session exists, after its last request was served.
    void end();

    // From now on changes are recorded, so that recover() can follow.
    void keep() {
        undo_.watch();
        is_kept_ = true;
    }
    // Of a process that goes on, `after_another` that was killed: undoes what that had not
    // committed, and delivers what it had. Call them, in this order, before the first of the calls
    // below.
    void roll_back() { undo_.roll_back(); }
    void recover(bool after_another);
    // Call it before these. What is wrong with the state, in a few words; null if nothing is. Then
    // it is rolled back. `thorough`: look at all of
    // it, however long that takes.
    [[nodiscard]] const char* find_flaw(bool thorough);
    // Is anything left to deliver?
    [[nodiscard]] bool is_owing() const;
    // EIO instead of the next answer that is to be delivered. What that had for a reader is gone:
    // it would make others crash. Does nothing if no answer is left.
    void refuse_next_owed();
    // One more process crashed in that request: how many that were in a row.
    std::uint32_t crashes_in(std::uint64_t unique);
    // The last call that was committed: the kernel's id for it.
    [[nodiscard]] std::uint64_t last_call() const { return last_call_; }
    // How many processes have taken over from one that was killed.
    [[nodiscard]] std::uint32_t generation() const { return generation_; }

    // From the loop. `unique`: the kernel's id for the call. `open_flags`: O_*. `user`: of the
    // caller.
    void open(std::uint64_t unique, int open_flags, uid_t user);
    // The kernel sends it after the open's last call has ended.
    void release(std::uint64_t unique, OpenFile& file);
    void read(const ClientCall& client);
    // The bytes are copied.
    void write(const ClientCall& client, std::span<const std::byte> bytes);
    // The client that made that request got a signal.
    void interrupt(std::uint64_t unique, std::uint64_t interrupted);
    // `handle`: to notify at the next edge; none: the caller does not wait.
    void poll(std::uint64_t unique, OpenFile& file, std::optional<std::uint64_t> handle);
    void ioctl(std::uint64_t unique, const IoctlCall& call);
    // To a call that can't be made at all.
    void refuse(std::uint64_t unique, int error);

    [[nodiscard]] bool has_file(std::uint64_t handle) { return files_.has(handle); }
    // Requires: there is one.
    [[nodiscard]] OpenFile& file(std::uint64_t handle) { return files_.of(handle); }
    [[nodiscard]] const Device& device() const { return device_.get(); }
    [[nodiscard]] const Session& session() const { return *session_; }

  private:
    friend class Renewal;
    friend class Validation;

    [[nodiscard]] static bool is_valid(const Settings& settings);
    void finish(std::uint64_t unique);
    void commit() { undo_.commit(); }
    // Not in the middle of a step.
    void commit_if_long() {
        if (undo_.changes() > long_change) {
            commit();
        }
    }
    void commit_call();
    void deliver();
    void deliver_effects();
    PendingCall* make_call(Operation operation, const ClientCall& client);
    void note_parked(PendingCall& call);
    void answer(PendingCall& call);
    void release_retired();
    void notify_pollers();
    void drop_all();
    void answer_read(PendingCall& call);
    void finish_read(PendingCall& call);
    Sent give_bytes(PendingCall& call);
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

    // The most messages that a step moves, and lines that are changed before a commit between two
    // of them. Both, and the payloads of the largest batch, must fit in the undo log.
    static constexpr std::uint32_t step_messages = 64;
    static constexpr std::uint64_t long_change = 8192;

    // Crashes in a row in one request, after which nothing of the state is believed.
    static constexpr std::uint32_t most_crashes = 4;

    const uid_t starter_; // it switches users later
    bool is_kept_ = false;
    // Of this process. In the line before the log's, where nothing is Kept: it is never undone.
    Session* session_ = nullptr;
    UndoLog undo_;
    // What each call needs first: fewer pages are cold then.
    PayloadPool payloads_;
    FrameBuffer frames_;
    PendingCalls calls_;
    OpenFiles files_;
    WatchedFileList watched_;
    KeptWhole<Device> device_;
    KeptWhole<Effects> effects_; // what is still to be done of those that are committed
    Kept<std::uint64_t> last_call_;
    Kept<std::uint32_t> generation_; // how many processes were killed
    Kept<std::uint32_t> crashes_;    // of processes, in a row, in crashed_in_
    Kept<std::uint64_t> crashed_in_;
    KeptAnswer answer_; // as effects_: to what is no read or write
    ParkedCalls parked_;
    Accounts accounts_;
    static constexpr std::uint64_t complete = 0x6970'6364'6576'3031;
    Kept<std::uint64_t> mark_; // `complete` once it is constructed
};

} // namespace ipcdev
