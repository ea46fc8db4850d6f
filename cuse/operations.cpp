// SPDX-License-Identifier: MIT
#include "operations.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <new>

#include <spdlog/spdlog.h>

namespace ipcdev {

namespace {

std::uint64_t monotonic_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U) +
           static_cast<std::uint64_t>(now.tv_nsec);
}

} // namespace

Operations::Operations(const Settings& settings, std::optional<uid_t> owner)
    : device_(settings), accounts_(geteuid(), owner) {}

Operations::~Operations() {
    drop_all();
}

void Operations::end() {
    Effects effects;
    device_.cancel_all(ENODEV, effects);
    act_on(effects);
    drop_all();
    payloads_.trim(); // ending the session may need memory, and the payloads may hold all of it
}

// Notifies nobody: pollers wake when the connection closes. Drops the opens first, since
// they return what they have begun to the queue.
// Requires: nothing is parked.
void Operations::drop_all() {
    while (watched_.pop_front() != nullptr) {
    }
    Effects effects;
    while (OpenFile* file = files_.pop_front()) {
        device_.release(*file, effects);
        delete file;
    }
    device_.clear(effects);
    act_on(effects);
}

void Operations::open(Reply reply, int open_flags, uid_t user) {
    Accounts::Handle account = accounts_.open(user);
    auto* file =
        account == nullptr ? nullptr : new (std::nothrow) OpenFile(open_flags, std::move(account));
    if (file == nullptr) {
        reply.error(ENOMEM);
        return;
    }
    if (!reply.opened(file->handle(), session_->open_flags())) {
        delete file;
        return;
    }
    files_.push_back(*file);
    device_.open(*file);
    spdlog::trace("open {:#x}", file->handle());
}

void Operations::release(Reply reply, OpenFile& file) {
    spdlog::trace("release {:#x}", file.handle());
    files_.erase(file);
    if (file.watch_hook.linked()) {
        watched_.erase(file);
    }
    Effects effects;
    device_.release(file, effects);
    delete &file;
    act_on(effects);
    reply.success();
}

void Operations::read(Reply reply, const ClientCall& client) {
    if (may_be_rest(client) && !client.file.goes_on(client.thread, client.offset)) {
        reply.error(ESPIPE); // the call ends as a short read
        return;
    }
    PendingCall* call = make_call(std::move(reply), Operation::read, client);
    if (call == nullptr) {
        return;
    }
    Effects effects;
    device_.submit_read(*call, effects);
    after_submit(*call, effects);
}

void Operations::write(Reply reply, const ClientCall& client, std::span<const std::byte> bytes) {
    PendingCall* call = make_call(std::move(reply), Operation::write, client);
    if (call == nullptr) {
        return;
    }
    call->nonblocking |= session_->splitting().offsets_count && client.offset != 0;
    if (const int error = make_messages(*call, bytes); error != 0) {
        call->reply.error(error);
        recycle(*call);
        return;
    }
    Effects effects;
    device_.submit_write(*call, effects);
    after_submit(*call, effects);
}

// Completed beats cancelled: a call that is no longer parked is not found.
void Operations::interrupt(std::uint64_t unique) {
    PendingCall* call = parked_.find(unique);
    if (call == nullptr) {
        return;
    }
    Effects effects;
    device_.cancel(*call, EINTR, effects);
    act_on(effects);
}

void Operations::poll(Reply reply, OpenFile& file, std::optional<std::uint64_t> handle) {
    if (handle) {
        file.poll_handle = *handle;
        if (!file.watch_hook.linked()) {
            watched_.push_back(file);
        }
    }
    const PollMask mask = device_.poll_mask(file);
    unsigned events = 0;
    events |= mask.readable ? POLLIN | POLLRDNORM : 0;
    events |= mask.writable ? POLLOUT | POLLWRNORM : 0;
    reply.poll_events(events);
}

PendingCall* Operations::make_call(Reply reply, Operation operation, const ClientCall& client) {
    PendingCall* call = calls_.make();
    if (call == nullptr) {
        reply.error(ENOMEM);
        return nullptr;
    }
    call->reply = std::move(reply);
    call->id = client.unique;
    call->operation = operation;
    call->bytes = client.bytes;
    call->account = client.file.account.get();
    call->batch = client.file.batch;
    call->open = &client.file;
    call->thread = client.thread;
    call->offset = client.offset;
    call->nonblocking = client.nonblocking;
    return call;
}

// Answers what the submit completed. If the call itself parked, an interrupt can end it from
// now on.
void Operations::after_submit(PendingCall& call, Effects& effects) {
    if (call.state == RequestState::parked) {
        spdlog::trace("parked: {} of {} bytes by thread {}",
                      call.operation == Operation::read ? "read" : "write", call.bytes,
                      call.thread);
        call.since_ns = monotonic_ns();
        parked_.add(call);
    }
    act_on(effects);
}

// Acts on the effects until none are left: if the kernel does not take an answer, its bytes
// are put back, which may complete other calls.
void Operations::act_on(Effects& effects) {
    while (Request* request = effects.completed.pop_front()) {
        answer(static_cast<PendingCall&>(*request), effects);
    }
    while (Message* message = effects.retired_messages.pop_front()) {
        payloads_.release(static_cast<Payload&>(*message));
    }
    while (Piece* spare = effects.retired_pieces.pop_front()) {
        recycle(static_cast<PendingCall::Spare*>(spare)->call);
    }
    if (effects.became_readable || effects.became_writable) {
        notify_pollers();
    }
}

// Notifies each poller once. An open that is still polled sends another POLL before it
// reports anything, for edge-triggered epoll too, and the answer to that includes whatever
// came meanwhile. An open that is no longer polled costs nothing from here on.
void Operations::notify_pollers() {
    while (OpenFile* file = watched_.pop_front()) {
        notify_poll(session_->connection(), file->poll_handle);
    }
}

void Operations::answer(PendingCall& call, Effects& effects) {
    parked_.remove(call);
    spdlog::trace("{} of {} bytes by thread {}: {} bytes, errno {}",
                  call.operation == Operation::read ? "read" : "write", call.bytes, call.thread,
                  call.done, call.error);
    if (call.state == RequestState::copying) {
        return answer_read(call, effects);
    }
    if (call.error != 0) {
        call.reply.error(call.error);
    } else if (call.operation == Operation::read) {
        call.reply.success();
    } else {
        call.reply.count(call.done);
    }
    recycle(call);
}

void Operations::answer_read(PendingCall& call, Effects& effects) {
    if (!give_bytes(call)) {
        return device_.put_back(call, call.spare, effects); // recycled when the spare is back
    }
    remember_end(call);
    device_.copy_done(call, effects);
    recycle(call);
}

// False if the kernel does not take them.
bool Operations::give_bytes(PendingCall& call) {
    if (call.batch) {
        return call.reply.bytes_in_place(frames_.pack(call.pieces));
    }
    return call.reply.bytes_in_place(static_cast<Payload&>(*call.taken.message).bytes(call.taken));
}

// Makes none if the write is too large, since the device will refuse it.
int Operations::make_messages(PendingCall& call, std::span<const std::byte> bytes) {
    const std::uint32_t max_message = device_.settings().max_message;
    if (call.batch) {
        return unpack(bytes, max_message, payloads_, call);
    }
    if (!bytes.empty() && bytes.size() <= max_message) {
        call.message = payloads_.make(bytes);
        return call.message == nullptr ? ENOMEM : 0;
    }
    return 0;
}

void Operations::recycle(PendingCall& call) {
    release_messages(call, payloads_);
    calls_.release(call);
}

// The kernel splits a call with too many segments: the rest comes from the same thread, at
// the offset where the part before it ended. CUSE counts from 0 in each call, so an offset
// identifies a rest. On the FUSE file an offset may mean nothing (a stream has none, but AIO
// passes any, and O_APPEND starts at the file's size), so a read may be a rest only if some
// read of this open ended there or further on. The rest of a write on the FUSE file is a write
// like any other: it may park or get EAGAIN, and the call then returns what it has written. By
// CUSE it never parks.
bool Operations::may_be_rest(const ClientCall& client) const {
    return client.offset != 0 && (session_->splitting().offsets_count ||
                                  client.offset <= client.file.furthest_part_end());
}

// The kernel continues a call only after a part that has the size of a part and was filled.
// It never splits a batch.
void Operations::remember_end(const PendingCall& call) {
    auto& file = static_cast<OpenFile&>(*call.open);
    OpenFile::ReadEnd end{.offset = call.offset + static_cast<off_t>(call.done)};
    if (!call.batch) {
        end.thread = call.thread;
        end.sequence = call.taken.message->sequence;
        end.next = call.taken.end;
    }
    file.remember_read(end,
                       call.done == call.bytes && call.bytes >= session_->splitting().segments);
}

} // namespace ipcdev
