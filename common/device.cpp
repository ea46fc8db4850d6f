// SPDX-License-Identifier: MIT
//
// One message, in one direction:
//
//   1. submit_write   the writer's request arrives with its payload
//   2. admit          the message joins the queue; with its last one a writer is completed
//   3. match          whoever can go on now is completed, parked readers first
//   4. take           a reader is given a stretch of the message at the head, or with
//                     batch as many messages as fit
//   5. copy_done      the transport has copied it: settle counts and retires it
//      or put_back    the copy failed: the bytes go back to the head, see 3
#include "device.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

namespace ipcdev {

namespace {

std::uint32_t frame_bytes(std::uint32_t message_bytes) {
    return static_cast<std::uint32_t>(IPCDEV_FRAME_BYTES(message_bytes));
}

} // namespace

int Device::apply(const SettingsChange& change, Settings& now) {
    Settings next = now;
    if (change.mode > IPCDEV_MODE_SLOT) {
        return EINVAL;
    }
    if (change.mode != 0) {
        next.mode = static_cast<Mode>(change.mode);
    }
    if (change.depth != 0) {
        next.depth = change.depth;
    } else if (next.mode == Mode::slot) {
        next.depth = 1;
    } else if (now.mode == Mode::slot) {
        return EINVAL; // a slot has no depth that a fifo could keep
    }
    if (change.max_message != 0) {
        next.max_message = change.max_message;
    }
    if (next.depth > IPCDEV_DEPTH_MAX || next.max_message > IPCDEV_MESSAGE_MAX ||
        (next.mode == Mode::slot && next.depth != 1)) {
        return EINVAL;
    }
    if (std::uint64_t{next.depth} * next.max_message > IPCDEV_QUEUE_BYTES_MAX) {
        return EINVAL;
    }
    now = next;
    return 0;
}

void Device::open() {
    ++gauges_.opens;
}

void Device::release() {
    assert(gauges_.opens > 0);
    --gauges_.opens;
}

void Device::submit_write(Request& request, Effects& effects) {
    assert(!under_way_);
    request.operation = Operation::write;
    request.done = 0;
    if (request.bytes == 0) {
        return complete(request, 0, effects);
    }
    if ((request.batch ? request.largest : request.bytes) > settings_.max_message ||
        (request.batch && request.bytes > IPCDEV_BATCH_BYTES_MAX)) {
        return complete(request, EMSGSIZE, effects);
    }
    assert(request.message != nullptr);
    if (!has_room()) {
        return park(request, effects);
    }
    admit(request, effects);
    if (request.message == nullptr) {
        complete(request, 0, effects);
    } else {
        arriving_ = &request;
        serving_ = has_room() ? &request : nullptr;
        under_way_ = true;
    }
    match(effects);
}

void Device::submit_read(Request& request, Effects& effects) {
    assert(!under_way_);
    request.operation = Operation::read;
    request.done = 0;
    if (request.bytes == 0) {
        return complete(request, 0, effects);
    }
    if (request.batch && (request.bytes < frame_bytes(settings_.max_message) ||
                          request.bytes > IPCDEV_BATCH_BYTES_MAX)) {
        return complete(request, EMSGSIZE, effects);
    }
    if (queue_.empty()) {
        return park(request, effects);
    }
    if (!may_copy(*request.account)) {
        return complete(request, ENOBUFS, effects);
    }
    effects.became_writable |= !has_room();
    if (!take(request, effects)) {
        serving_ = &request;
        under_way_ = true;
    }
    match(effects);
}

bool Device::cancel(Request& request, int error, Effects& effects) {
    assert(!under_way_);
    if (request.state != RequestState::parked) {
        return false;
    }
    leave(request);
    if (error == EINTR) {
        ++statistics_.interrupted;
    }
    complete(request, error, effects);
    return true;
}

void Device::cancel_all(int error, Effects& effects) {
    for (RequestList* parked : {&readers_, &writers_}) {
        while (Request* request = parked->front()) {
            cancel(*request, error, effects);
        }
    }
}

void Device::copy_done(Request& request, Effects& effects) {
    assert(request.state == RequestState::copying);
    if (!request.batch) {
        finish_copy(request.taken, request.done, effects);
    } else if (!finish_frames(request, effects)) {
        return;
    }
    --gauges_.copies;
    --request.account->copies;
    request.state = RequestState::idle;
}

void Device::put_back(Request& request, Piece& spare, Effects& effects) {
    assert(!under_way_);
    assert(request.state == RequestState::copying);
    --gauges_.copies;
    --request.account->copies;
    request.state = RequestState::idle;
    if (!request.batch) {
        give_back(request.taken, spare, effects);
        return match(effects);
    }
    effects.returned.push_back(spare);
    giving_back_ = &request;
    under_way_ = true;
    go_on(effects);
}

int Device::configure(const SettingsChange& change) {
    assert(!under_way_);
    Settings next = settings_;
    if (const int error = apply(change, next); error != 0) {
        return error;
    }
    if (!queue_.empty() || !readers_.empty() || !writers_.empty() || gauges_.copies != 0) {
        return EBUSY;
    }
    settings_ = next;
    return 0;
}

void Device::clear(Effects& effects) {
    assert(!under_way_);
    cleared_through_ = statistics_.messages_written;
    effects.became_writable |= !has_room();
    clearing_ = true;
    under_way_ = true;
    go_on(effects);
}

void Device::go_on(Effects& effects) {
    assert(under_way_);
    effects.became_readable |= std::exchange(held_readable_, false);
    effects.became_writable |= std::exchange(held_writable_, false);
    if (clearing_) {
        drop_queued(effects);
    }
    if (giving_back_ != nullptr) {
        give_back_frames(effects);
    }
    match(effects);
}

PollMask Device::poll_mask() const {
    assert(!under_way_);
    return {.readable = !queue_.empty(), .writable = has_room()};
}

bool Device::has_room() const {
    return settings_.mode == Mode::slot || gauges_.queued_messages < settings_.depth;
}

// Whether there may be one operation more, parked or being copied. A parked reader that
// is given bytes is the same one.
bool Device::has_place() const {
    return gauges_.parked_readers + gauges_.parked_writers + gauges_.copies < limits_.operations;
}

bool Device::may_park(const Account& user) const {
    return has_place() && (user.privileged || user.parked + user.copies < limits_.per_user);
}

// A few copies are always let in: parked writers would else keep out who makes room for
// them, and for ever.
bool Device::may_copy(const Account& user) const {
    return gauges_.copies < limits_.copies || (has_place() && user.copies < limits_.copies) ||
           may_park(user);
}

void Device::park(Request& request, Effects& effects) {
    if (request.nonblocking) {
        return complete(request, EAGAIN, effects);
    }
    if (!may_park(*request.account)) {
        return complete(request, ENOBUFS, effects);
    }
    request.state = RequestState::parked;
    if (request.operation == Operation::read) {
        readers_.push_back(request);
        ++gauges_.parked_readers;
        ++statistics_.reader_parks;
    } else {
        writers_.push_back(request);
        ++gauges_.parked_writers;
        ++statistics_.writer_parks;
    }
    ++request.account->parked;
}

// What was done already counts for more than the reason why it is over.
void Device::complete(Request& request, int error, Effects& effects) {
    request.state = RequestState::completed;
    request.error = request.done == 0 ? error : 0;
    effects.completed.push_back(request);
}

// Those of the writer's messages for which there is room join the queue, at least one and
// as many as the step may still move.
void Device::admit(Request& request, Effects& effects) {
    do {
        Message& message = *request.message;
        request.message = message.next;
        if (settings_.mode == Mode::slot && !queue_.empty()) {
            drop_first(Fate::overwritten, effects);
        }
        message.sequence = ++statistics_.messages_written;
        statistics_.bytes_written += message.size;
        message.whole.slice = {.message = &message, .begin = 0, .end = message.size};
        queue_.push_back(message.whole);
        count_queued(message.whole.slice);
        request.done += request.batch ? frame_bytes(message.size) : message.size;
    } while (request.message != nullptr && has_room() && effects.spend());
    effects.became_readable = true;
}

// Gives the reader, which is on no list, what it can have of the queue, and completes it.
// False: there is more, for the next step.
bool Device::take(Request& request, Effects& effects) {
    if (!request.batch) {
        take_bytes(request, effects);
    } else if (!take_frames(request, effects)) {
        return false;
    }
    ++gauges_.copies;
    ++request.account->copies;
    complete(request, 0, effects);
    request.state = RequestState::copying;
    return true;
}

void Device::take_bytes(Request& request, Effects& effects) {
    Piece& head = *queue_.front();
    Slice taken = head.slice;
    const auto done =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(request.bytes, taken.size()));

    if (settings_.mode == Mode::fifo && done < taken.size()) {
        taken.end = taken.begin + done;
        head.slice.begin = taken.end; // the rest stays at the head
    } else {
        unlink(head, effects);
    }
    count_unqueued(taken);
    taken.message->copying += taken.size();
    request.taken = taken;
    request.done = done;
}

// The first fits, by submit_read's check. False: the next one does too.
bool Device::take_frames(Request& request, Effects& effects) {
    while (Piece* head = queue_.front()) {
        const std::uint32_t bytes = frame_bytes(head->slice.size());
        if (bytes > request.bytes - request.done) {
            break;
        }
        if (!effects.spend()) {
            return false;
        }
        queue_.erase(*head);
        count_unqueued(head->slice);
        head->slice.message->copying += head->slice.size();
        request.pieces.push_back(*head);
        request.done += bytes;
    }
    return true;
}

// Off the list of parked requests, if it is on one.
void Device::leave(Request& request) {
    if (request.state != RequestState::parked) {
        return;
    }
    request.state = RequestState::idle;
    --request.account->parked;
    if (request.operation == Operation::read) {
        readers_.erase(request);
        --gauges_.parked_readers;
    } else {
        writers_.erase(request);
        --gauges_.parked_writers;
    }
}

// Completes the parked requests that can go on, until none can. What happens to
// be over by then is no edge for a poller.
void Device::match(Effects& effects) {
    if (under_way_ || !readers_.empty() || !writers_.empty()) {
        serve_parked(effects);
    }
    effects.became_readable &= !queue_.empty();
    effects.became_writable &= has_room();
}

// Ends when nobody can go on, or with the step: then there may be more to do.
void Device::serve_parked(Effects& effects) {
    while (effects.budget > 0) {
        Request* const request = next_to_serve();
        if (request == nullptr) {
            if (arriving_ != nullptr) {
                park(*std::exchange(arriving_, nullptr), effects);
            }
            under_way_ = false;
            return;
        }
        serving_ = serve(*request, effects) ? nullptr : request;
    }
    under_way_ = true;
    held_readable_ = std::exchange(effects.became_readable, false);
    held_writable_ = std::exchange(effects.became_writable, false);
}

// Null if nobody can go on.
Request* Device::next_to_serve() {
    if (serving_ != nullptr) {
        return serving_;
    }
    if (!queue_.empty() && !readers_.empty()) {
        return readers_.front();
    }
    if (!has_room()) {
        return nullptr;
    }
    return arriving_ != nullptr ? arriving_ : writers_.front();
}

// False: more of its messages can be moved, by the next step.
// Requires: effects.budget > 0.
bool Device::serve(Request& request, Effects& effects) {
    if (request.operation == Operation::read) {
        leave(request);
        effects.budget -= request.batch ? 0 : 1; // each frame spends of it
        return take(request, effects);
    }
    --effects.budget;
    admit(request, effects);
    if (request.message != nullptr) {
        return !has_room();
    }
    arriving_ = nullptr; // that was it: while there is one, no writer is parked
    leave(request);
    complete(request, 0, effects);
    return true;
}

// The reader has the first `done` bytes of what it took; there is no rest but in slot mode.
void Device::finish_copy(const Slice& slice, std::uint32_t done, Effects& effects) {
    statistics_.bytes_read += done;
    statistics_.bytes_truncated += slice.size() - done;
    slice.message->copying -= slice.size();
    settle(*slice.message, effects);
}

// As many as the step may still move. False: there are more.
bool Device::finish_frames(Request& request, Effects& effects) {
    while (Piece* piece = request.pieces.front()) {
        const Slice slice = piece->slice;
        if (!effects.spend()) {
            return false;
        }
        request.pieces.erase(*piece);
        if (piece != &slice.message->whole) {
            effects.returned.push_back(*piece);
        }
        finish_copy(slice, slice.size(), effects);
    }
    return true;
}

// What a reader took and could not use. `spare` is linked into the queue, or returned if
// it isn't the message's own.
void Device::give_back(const Slice& slice, Piece& spare, Effects& effects) {
    Message& message = *slice.message;
    message.copying -= slice.size();
    if (message.sequence <= cleared_through_) {
        message.fate = Fate::cleared;
    } else if (settings_.mode == Mode::slot && message.sequence != statistics_.messages_written) {
        message.fate = Fate::overwritten; // a newer value came; the newest wins
    } else {
        requeue(slice, spare);
        effects.became_readable = true;
    }
    if (!spare.hook.linked() && &spare != &message.whole) {
        effects.returned.push_back(spare);
    }
    settle(message, effects);
}

// Those of a batch, the last one first.
void Device::give_back_frames(Effects& effects) {
    PieceList& pieces = giving_back_->pieces;
    while (!pieces.empty() && effects.spend()) {
        Piece& last = *pieces.pop_back();
        give_back(Slice(last.slice), last, effects);
    }
    if (pieces.empty()) {
        giving_back_ = nullptr;
    }
}

// Puts the slice before everything else that is queued: by widening the piece
// that follows it in the same message, else as a piece of its own.
void Device::requeue(const Slice& slice, Piece& spare) {
    Message& message = *slice.message;
    Piece* head = queue_.front();
    if (head != nullptr && head->slice.message == &message && head->slice.begin == slice.end) {
        head->slice.begin = slice.begin;
    } else {
        Piece& piece = message.whole.hook.linked() ? spare : message.whole;
        piece.slice = slice;
        queue_.push_front(piece);
    }
    count_queued(slice);
}

void Device::drop_queued(Effects& effects) {
    while (!queue_.empty() && effects.spend()) {
        drop_first(Fate::cleared, effects);
    }
    clearing_ = !queue_.empty();
}

void Device::drop_first(Fate fate, Effects& effects) {
    Piece& piece = *queue_.front();
    Message& message = *piece.slice.message;
    count_unqueued(piece.slice);
    message.fate = fate;
    unlink(piece, effects);
    settle(message, effects);
}

void Device::unlink(Piece& piece, Effects& effects) {
    queue_.erase(piece);
    if (&piece != &piece.slice.message->whole) {
        effects.returned.push_back(piece);
    }
}

void Device::count_queued(const Slice& slice) {
    Message& message = *slice.message;
    gauges_.queued_messages += message.queued == 0 ? 1 : 0;
    gauges_.queued_bytes += slice.size();
    message.queued += slice.size();
}

void Device::count_unqueued(const Slice& slice) {
    Message& message = *slice.message;
    message.queued -= slice.size();
    gauges_.queued_bytes -= slice.size();
    gauges_.queued_messages -= message.queued == 0 ? 1 : 0;
}

// Retires the message once no byte of it is queued or being copied.
void Device::settle(Message& message, Effects& effects) {
    if (message.queued != 0 || message.copying != 0) {
        return;
    }
    switch (message.fate) {
    case Fate::read:
        ++statistics_.messages_read;
        break;
    case Fate::overwritten:
        ++statistics_.messages_overwritten;
        break;
    case Fate::cleared:
        ++statistics_.messages_cleared;
        break;
    }
    effects.retired.push_back(message);
}

} // namespace ipcdev
