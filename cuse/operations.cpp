// SPDX-License-Identifier: MIT
#include "operations.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

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

Operations::Operations(const Settings& settings, std::optional<uid_t> owner, uid_t starter)
    : starter_(starter), device_(settings), accounts_(starter, owner) {
    effects_.change().budget = step_messages;
    mark_ = complete;
}

Operations::~Operations() {
    UndoLog::watch_nothing();
    drop_all();
}

void Operations::end() {
    undo_.roll_back(); // what an exception, or a kill that nobody follows, left half done
    device_.change().cancel_all(ENODEV, effects_.change());
    commit_call();
    deliver();
    drop_all();
    commit();         // trim() can't be undone
    payloads_.trim(); // ending the session may need memory, and the payloads may hold all of it
}

// Notifies nobody: pollers wake when the connection closes. Drops the opens first, since
// they return what they have begun to the queue.
// Requires: nothing is parked.
void Operations::drop_all() {
    while (watched_.pop_front() != nullptr) {
    }
    while (OpenFile* file = files_.first()) {
        device_.change().release(*file, effects_.change());
        files_.release(*file);
        commit_call();
        deliver();
    }
    device_.change().clear(effects_.change());
    commit_call();
    deliver();
}

void Operations::recover(bool after_another) {
    if (after_another) {
        ++generation_;
    }
    commit_call();
    deliver();
    for (const RequestList* parked : {&device_->readers(), &device_->writers()}) {
        for (const Request& request : *parked) {
            repeat_interrupt(session_->connection(), request.id);
        }
    }
    effects_.change().became_readable = true; // some may have missed the edge
    notify_pollers();
    commit();
}

std::uint32_t Operations::crashes_in(std::uint64_t unique) {
    crashes_ = crashed_in_ == unique ? crashes_ + 1 : 1;
    crashed_in_ = unique;
    commit();
    return crashes_;
}

bool Operations::is_owing() const {
    return device_->under_way() || !effects_->completed.empty() || answer_.is_owed() ||
           !effects_->retired_messages.empty() || !effects_->retired_pieces.empty() ||
           effects_->became_readable || effects_->became_writable;
}

// Passes over calls that have their answer already, as deliver() does not commit after each. Those
// that are completed by that get none before it is committed.
void Operations::refuse_next_owed() {
    const int connection = session_->connection();
    if (device_->under_way()) {
        return;
    }
    const Request* const last = effects_.change().completed.back();
    for (bool is_last = last == nullptr; !is_last;) {
        auto& call = static_cast<PendingCall&>(*effects_.change().completed.front());
        is_last = &call == last;
        const Sent sent = answer_error(connection, call.id, EIO);
        parked_.remove(call);
        if (call.state == RequestState::copying) {
            if (sent == Sent::unknown) {
                remember_end(call);
            }
            finish_read(call);
        } else {
            effects_.change().completed.erase(call);
            recycle(call);
        }
        release_retired();
        if (sent != Sent::unknown) {
            return commit();
        }
    }
    if (answer_.is_owed()) {
        answer_.refuse(connection, EIO);
    }
    commit();
}

// --- calls: all that is done here is done at the commit, or not at all

void Operations::finish(std::uint64_t unique) {
    last_call_ = unique;
    commit_call();
    deliver();
}

// All its steps are one change, unless that would be too much for the undo log.
void Operations::commit_call() {
    while (device_->under_way()) {
        commit_if_long();
        effects_.change().budget = step_messages;
        device_.change().go_on(effects_.change());
        release_retired();
    }
    commit();
}

void Operations::refuse(std::uint64_t unique, int error) {
    answer_.error(unique, error);
    finish(unique);
}

void Operations::open(std::uint64_t unique, int open_flags, uid_t user) {
    Account* account = accounts_.open(user);
    OpenFile* file = account == nullptr ? nullptr : files_.make(open_flags, *account);
    if (file == nullptr) {
        if (account != nullptr) {
            accounts_.close(*account);
        }
        return refuse(unique, ENOMEM);
    }
    file->user = user;
    device_.change().open(*file);
    spdlog::trace("open {:#x}", files_.handle(*file));
    answer_.opened(unique, files_.handle(*file), session_->open_flags());
    finish(unique);
}

void Operations::release(std::uint64_t unique, OpenFile& file) {
    spdlog::trace("release {:#x}", files_.handle(file));
    if (file.watch_hook.linked()) {
        watched_.erase(file);
    }
    device_.change().release(file, effects_.change());
    accounts_.close(*file.account);
    files_.release(file);
    answer_.error(unique, 0);
    finish(unique);
}

void Operations::read(const ClientCall& client) {
    if (may_be_rest(client) && !client.file.goes_on(client.thread, client.offset)) {
        return refuse(client.unique, ESPIPE); // the call ends as a short read
    }
    PendingCall* call = make_call(Operation::read, client);
    if (call == nullptr) {
        return refuse(client.unique, ENOMEM);
    }
    device_.change().submit_read(*call, effects_.change());
    note_parked(*call);
    finish(client.unique);
}

void Operations::write(const ClientCall& client, std::span<const std::byte> bytes) {
    if (payloads_.may_give_back()) {
        commit(); // what is in use must not depend on it
    }
    commit_if_long();
    PendingCall* call = make_call(Operation::write, client);
    if (call == nullptr) {
        return refuse(client.unique, ENOMEM);
    }
    if (session_->splitting().offsets_count && client.offset != 0) {
        call->nonblocking.construct(true);
    }
    if (const int error = make_messages(*call, bytes); error != 0) {
        recycle(*call);
        return refuse(client.unique, error);
    }
    device_.change().submit_write(*call, effects_.change());
    note_parked(*call);
    finish(client.unique);
}

// Completed beats cancelled: a call that is no longer parked is not found. The kernel does not take
// the answer then; but if it is one that was lost with the state (renew), nothing else would end
// it.
void Operations::interrupt(std::uint64_t unique, std::uint64_t interrupted) {
    if (PendingCall* call = parked_.find(interrupted)) {
        device_.change().cancel(*call, EINTR, effects_.change());
    } else {
        answer_.error(interrupted, EINTR);
    }
    finish(unique);
}

void Operations::poll(std::uint64_t unique, OpenFile& file, std::optional<std::uint64_t> handle) {
    if (handle) {
        file.poll_handle = *handle;
        if (!file.watch_hook.linked()) {
            watched_.push_back(file);
        }
    }
    const PollMask mask = device_->poll_mask(file);
    unsigned events = 0;
    events |= mask.readable ? POLLIN | POLLRDNORM : 0;
    events |= mask.writable ? POLLOUT | POLLWRNORM : 0;
    answer_.poll_events(unique, events);
    finish(unique);
}

PendingCall* Operations::make_call(Operation operation, const ClientCall& client) {
    PendingCall* call = calls_.make();
    if (call == nullptr) {
        return nullptr;
    }
    call->id.construct(client.unique);
    call->operation.construct(operation);
    call->bytes.construct(client.bytes);
    call->account.construct(client.file.account);
    call->batch.construct(client.file.batch);
    call->open.construct(&client.file);
    call->thread = client.thread;
    call->offset = client.offset;
    call->nonblocking.construct(client.nonblocking);
    return call;
}

// If the call parked, an interrupt can end it from now on.
void Operations::note_parked(PendingCall& call) {
    if (call.state == RequestState::parked) {
        spdlog::trace("parked: {} of {} bytes by thread {}",
                      call.operation == Operation::read ? "read" : "write", call.bytes.get(),
                      call.thread);
        call.since_ns = monotonic_ns();
        parked_.add(call);
    }
}

// --- what follows: may be cut short anywhere, and is begun anew

void Operations::deliver() {
    deliver_effects();
    if (answer_.is_owed()) {
        answer_.send(session_->connection());
    }
    notify_pollers();
    if (effects_->budget != step_messages) {
        effects_.change().budget = step_messages;
    }
    if (payloads_.has_excess()) {
        commit(); // what is in use must not depend on it
        payloads_.give_back_excess();
    }
}

// Until none are left: if the kernel does not take an answer, its bytes are put back, which may
// complete other calls. So may the end of a copy, and these get no answer before that is committed.
void Operations::deliver_effects() {
    const Request* last = effects_.change().completed.back();
    while (!effects_->completed.empty()) {
        answer(static_cast<PendingCall&>(*effects_.change().completed.front()));
        release_retired();
        if (const Request* now_last = effects_.change().completed.back();
            now_last != last && now_last != nullptr) {
            commit();
            last = now_last;
        }
    }
    release_retired();
}

void Operations::release_retired() {
    while (!effects_->retired_messages.empty()) {
        payloads_.release(static_cast<Payload&>(*effects_.change().retired_messages.pop_front()));
    }
    while (!effects_->retired_pieces.empty()) {
        Piece* spare = effects_.change().retired_pieces.pop_front();
        recycle(static_cast<PendingCall::Spare*>(spare)->call);
    }
}

// Notifies each poller once. An open that is still polled sends another POLL before it
// reports anything, for edge-triggered epoll too, and the answer to that includes whatever
// came meanwhile. An open that is no longer polled costs nothing from here on.
void Operations::notify_pollers() {
    if (effects_->became_readable || effects_->became_writable) {
        while (OpenFile* file = watched_.pop_front()) {
            notify_poll(session_->connection(), file->poll_handle);
        }
        effects_.change().became_readable = false;
        effects_.change().became_writable = false;
    }
}

void Operations::answer(PendingCall& call) {
    spdlog::trace("{} of {} bytes by thread {}: {} bytes, errno {}",
                  call.operation == Operation::read ? "read" : "write", call.bytes.get(),
                  call.thread, call.done.get(), call.error.get());
    if (call.state == RequestState::copying) {
        return answer_read(call);
    }
    if (call.error == 0 && call.operation == Operation::write) {
        answer_count(session_->connection(), call.id, call.done);
    } else {
        answer_error(session_->connection(), call.id, call.error);
    }
    effects_.change().completed.erase(call);
    parked_.remove(call);
    recycle(call);
}

void Operations::answer_read(PendingCall& call) {
    const Sent sent = give_bytes(call);
    parked_.remove(call);
    if (sent == Sent::refused) {
        effects_.change().completed.erase(call);
        effects_.change().budget = step_messages;
        device_.change().put_back(call, call.spare,
                                  effects_.change()); // recycled when the spare is back
        return commit_call(); // at once: if it were sent again, it would look as if it were taken
    }
    remember_end(call);
    finish_read(call);
}

// It has its answer.
void Operations::finish_read(PendingCall& call) {
    device_.change().copy_done(call, effects_.change());
    while (call.state == RequestState::copying) {
        release_retired();
        commit_if_long(); // what is left of the call is sent once more if it ends here
        effects_.change().budget = step_messages;
        device_.change().copy_done(call, effects_.change());
    }
    effects_.change().completed.erase(call);
    recycle(call);
}

Sent Operations::give_bytes(PendingCall& call) {
    const int connection = session_->connection();
    if (call.batch) {
        return answer_bytes_in_place(connection, call.id, frames_.pack(call.pieces));
    }
    return answer_bytes_in_place(
        connection, call.id, static_cast<Payload&>(*call.taken.message.get()).bytes(call.taken));
}

// Makes none if the write is too large, since the device will refuse it.
int Operations::make_messages(PendingCall& call, std::span<const std::byte> bytes) {
    const std::uint32_t max_message = device_->settings().max_message;
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
