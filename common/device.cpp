// SPDX-License-Identifier: MIT
//
// The life of a message:
//
//   1. submit_write   the writer's request arrives with its payload
//   2. admit          the message joins the queue; the writer completes with its last one
//   3. match          completes every request that can now proceed, parked readers first
//   4. take           gives a reader bytes of the message its open has begun, or else of
//                     the one at the head; the open begins that one unless it got all of
//                     it. A batch read gets as many messages as fit
//   5. copy_done      the transport has copied the bytes; settle counts and retires the
//                     message
//      or put_back    the copy failed: the bytes return to what the open has begun, or
//                     the whole message to the head of the queue; back to 3
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
    if (change.mode > IPCDEV_MODE_RING) {
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
        return EINVAL; // a slot has no depth that another mode could keep
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

void Device::open([[maybe_unused]] Open& open) {
    assert(open.begun.empty() && open.readers.empty());
    ++gauges_.opens;
}

void Device::release(Open& open, Effects& effects) {
    assert(!under_way_);
    assert(gauges_.opens > 0 && open.readers.empty());
    --gauges_.opens;
    if (open.begun.empty()) {
        return;
    }
    effects.became_writable |= !has_room(); // a parked reader may finish the message
    releasing_ = &open;
    under_way_ = true;
    go_on(effects);
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
    if (request.open->begun.empty() && queue_.empty()) {
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
        finish_copy(request.taken, effects);
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
    effects.became_writable |= !has_room(); // a cleared message may give up its place
    if (request.batch) {
        effects.retired_pieces.push_back(spare);
        giving_back_ = &request;
    } else {
        spare.slice = request.taken;
        give_back(*request.open, spare, effects);
    }
    under_way_ = true;
    go_on(effects);
}

int Device::configure(const SettingsChange& change) {
    assert(!under_way_);
    Settings next = settings_;
    if (const int error = apply(change, next); error != 0) {
        return error;
    }
    if (!queue_.empty() || gauges_.begun_messages != 0 || !readers_.empty() || !writers_.empty() ||
        gauges_.copies != 0) {
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
    if (gathering_ != nullptr) {
        gather(effects);
    }
    if (clearing_) {
        drop_queued(effects);
    }
    if (releasing_ != nullptr) {
        release_begun(effects);
    }
    if (giving_back_ != nullptr) {
        give_back_frames(effects);
    }
    match(effects);
}

PollMask Device::poll_mask(const Open& open) const {
    assert(!under_way_);
    return {.readable = !open.begun.empty() || !queue_.empty(), .writable = has_room()};
}

// In a fifo a message keeps its place until its last byte is taken.
bool Device::has_room() const {
    return settings_.mode != Mode::fifo ||
           gauges_.queued_messages + gauges_.begun_messages < settings_.depth;
}

// Is there a place for one more operation, parked or copying? A parked reader that is
// given bytes keeps its place.
bool Device::has_place() const {
    return gauges_.parked_readers + gauges_.parked_writers + gauges_.copies < limits_.operations;
}

// A user without privilege has a limit of its own, so that others find places too.
bool Device::may_park(const Account& user) const {
    return has_place() && (user.privileged || user.parked + user.copies < limits_.per_user);
}

// A few copies are always let in. Otherwise parked writers could shut out for ever the
// readers that would make room for them.
bool Device::may_copy(const Account& user) const {
    return gauges_.copies < limits_.copies || (has_place() && user.copies < limits_.copies) ||
           may_park(user);
}

// Or completes it, with why it may not.
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
        request.open->readers.push_back(request);
        ++gauges_.parked_readers;
        ++statistics_.reader_parks;
    } else {
        writers_.push_back(request);
        ++gauges_.parked_writers;
        ++statistics_.writer_parks;
    }
    ++request.account->parked;
}

// A request that has moved some bytes reports them rather than the error.
void Device::complete(Request& request, int error, Effects& effects) {
    request.state = RequestState::completed;
    request.error = request.done == 0 ? error : 0;
    effects.completed.push_back(request);
}

// Queues the writer's messages while there is room and the budget lasts, but at least one.
// Requires: room for one.
void Device::admit(Request& request, Effects& effects) {
    do {
        Message& message = *request.message;
        request.message = message.next;
        if (settings_.mode != Mode::fifo && gauges_.queued_messages == settings_.depth) {
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

// Gives the reader what it can have and completes it. False if the next step has to continue.
// Requires: the reader is on no list.
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

// As much as the read asks for of the piece that is next, at most all of it.
// Requires: there is one.
void Device::take_bytes(Request& request, Effects& effects) {
    PieceList& from = source(*request.open);
    Piece& head = *from.front();
    Slice taken = head.slice;
    const std::uint64_t bytes = std::min<std::uint64_t>(request.bytes, taken.size());
    taken.end = taken.begin + static_cast<std::uint32_t>(bytes);
    if (taken.end != head.slice.end) {
        head.slice.begin = taken.end;
    } else {
        from.erase(head);
        discard(head, effects);
    }
    request.taken = taken;
    request.done = taken.size();
    count_taken(*request.open, from, taken, effects);
}

// The first message fits: submit_read has checked. False if the next step has to continue.
bool Device::take_frames(Request& request, Effects& effects) {
    while (gathering_ == nullptr) {
        PieceList& from = source(*request.open);
        Piece* const head = from.front();
        if (head == nullptr || frame_bytes(head->slice.size()) > request.bytes - request.done) {
            return true;
        }
        if (out_of_turn_ && &from == &queue_) {
            return true; // the queue is for readers that came earlier
        }
        if (!effects.spend()) {
            return false;
        }
        from.erase(*head);
        request.pieces.push_back(*head);
        request.done += frame_bytes(head->slice.size());
        count_taken(*request.open, from, head->slice, effects);
    }
    return false;
}

// Where the open's next read finds its bytes.
PieceList& Device::source(Open& open) {
    return open.begun.empty() ? queue_ : open.begun;
}

// The slice now belongs to the reader, and the open begins what is left of the message.
void Device::count_taken(Open& open, const PieceList& from, const Slice& slice, Effects& effects) {
    slice.message->copying += slice.size();
    if (&from != &queue_) {
        return count_unbegun(slice);
    }
    count_unqueued(slice);
    if (slice.message->queued != 0) {
        gathering_ = slice.message;
        gatherer_ = &open;
        beginning_ = true;
        gather(effects);
    }
}

// Moves all pieces of a message from the queue to what an open has begun, or back, where
// they become one whole piece again. They are almost always the first pieces; after faults
// others may precede them, and those keep their order. If the budget runs out here, nothing
// else happens in this step.
void Device::gather(Effects& effects) {
    Message& message = *gathering_;
    PieceList& begun = gatherer_->begun;
    PieceList& from = beginning_ ? queue_ : begun;
    const std::uint32_t& left = beginning_ ? message.queued : message.begun;
    while (left != 0 && effects.spend()) {
        Piece& piece = *from.pop_front();
        if (piece.slice.message != &message) {
            aside_.push_front(piece);
        } else if (beginning_) {
            count_unqueued(piece.slice);
            count_begun(piece.slice);
            begun.push_back(piece);
        } else {
            count_unbegun(piece.slice);
            discard(piece, effects);
        }
    }
    while (left == 0 && !aside_.empty() && effects.spend()) {
        from.push_front(*aside_.pop_front());
    }
    if (left != 0 || !aside_.empty()) {
        under_way_ = true;
        return;
    }
    gathering_ = nullptr;
    if (!beginning_) {
        requeue(message, effects);
    }
}

// Unparks the request, if it is parked.
void Device::leave(Request& request) {
    if (request.state != RequestState::parked) {
        return;
    }
    request.state = RequestState::idle;
    --request.account->parked;
    if (request.operation == Operation::read) {
        readers_.erase(request);
        request.open->readers.erase(request);
        --gauges_.parked_readers;
    } else {
        writers_.erase(request);
        --gauges_.parked_writers;
    }
}

// Completes the parked requests that can proceed, until none can. Pollers get no edge for
// a state that did not last.
void Device::match(Effects& effects) {
    const bool left =
        (under_way_ || !readers_.empty() || !writers_.empty()) && serve_parked(effects);
    effects.became_readable &= !queue_.empty();
    effects.became_readable |= left;
    effects.became_writable &= has_room();
}

// Returns when nobody can proceed, or when the budget runs out: the next step continues.
bool Device::serve_parked(Effects& effects) {
    while (effects.budget > 0) {
        Request* const request = next_to_serve();
        if (request == nullptr) {
            Request* const arriving = std::exchange(arriving_, nullptr);
            under_way_ = false;
            if (arriving != nullptr) {
                park(*arriving, effects);
            }
            return std::exchange(left_begun_, false);
        }
        serving_ = serve(*request, effects) ? nullptr : request;
    }
    under_way_ = true;
    held_readable_ = std::exchange(effects.became_readable, false);
    held_writable_ = std::exchange(effects.became_writable, false);
    return false;
}

// Null if nobody can proceed. What an open has begun goes to its own parked reads before
// anything goes to others. Only `continuing_` can have both bytes begun and parked reads.
Request* Device::next_to_serve() {
    if (serving_ != nullptr) {
        return serving_;
    }
    if (continuing_ != nullptr && !continuing_->begun.empty()) {
        if (!continuing_->readers.empty()) {
            Request* const next = continuing_->readers.front();
            out_of_turn_ = next != readers_.front();
            return next;
        }
        left_begun_ = true;
    }
    continuing_ = nullptr;
    out_of_turn_ = false;
    if (!queue_.empty() && !readers_.empty()) {
        return readers_.front();
    }
    if (!has_room()) {
        return nullptr;
    }
    return arriving_ != nullptr ? arriving_ : writers_.front();
}

// False if the next step can move more of its messages.
// Requires: effects.budget > 0.
bool Device::serve(Request& request, Effects& effects) {
    if (request.operation == Operation::read) {
        if (request.state == RequestState::parked) {
            leave(request);
            continuing_ = request.open;
        }
        effects.budget -= request.batch ? 0 : 1; // take_frames spends one for each frame
        return take(request, effects);
    }
    --effects.budget;
    admit(request, effects);
    if (request.message != nullptr) {
        return !has_room();
    }
    arriving_ = nullptr; // if set, this request: no writer is parked while one arrives
    leave(request);
    complete(request, 0, effects);
    return true;
}

// The reader has the bytes.
void Device::finish_copy(const Slice& slice, Effects& effects) {
    statistics_.bytes_read += slice.size();
    slice.message->copying -= slice.size();
    settle(*slice.message, Fate::read, effects);
}

// Finishes frames while the budget lasts. False if some are left.
bool Device::finish_frames(Request& request, Effects& effects) {
    while (Piece* piece = request.pieces.front()) {
        const Slice slice = piece->slice;
        if (!effects.spend()) {
            return false;
        }
        request.pieces.erase(*piece);
        discard(*piece, effects);
        finish_copy(slice, effects);
    }
    return true;
}

// Returns what a reader could not use to the front of what its open has begun: widens the
// first piece if that continues the same message, or else adds a piece. A message that has
// all its bytes back is no longer begun: it returns to the queue.
void Device::give_back(Open& open, Piece& piece, Effects& effects) {
    const Slice slice = piece.slice;
    Message& message = *slice.message;
    message.copying -= slice.size();
    if (message.begun + slice.size() == message.size) {
        discard(piece, effects);
        gathering_ = &message;
        gatherer_ = &open;
        beginning_ = false;
        return gather(effects);
    }
    Piece* const head = open.begun.front();
    if (head != nullptr && head->slice.message == &message && head->slice.begin == slice.end) {
        head->slice.begin = slice.begin;
        discard(piece, effects);
    } else if (message.whole.hook.linked()) {
        open.begun.push_front(piece);
    } else {
        message.whole.slice = slice;
        open.begun.push_front(message.whole);
        discard(piece, effects);
    }
    count_begun(slice);
    continuing_ = &open;
}

// Gives back the pieces of a batch, the last one first.
void Device::give_back_frames(Effects& effects) {
    PieceList& pieces = giving_back_->pieces;
    while (!pieces.empty() && effects.spend()) {
        give_back(*giving_back_->open, *pieces.pop_back(), effects);
    }
    if (pieces.empty()) {
        giving_back_ = nullptr;
    }
}

// Returns a message of which nothing was read to the front of the queue, unless it has
// been cleared or overwritten in the meantime.
void Device::requeue(Message& message, Effects& effects) {
    if (message.sequence <= cleared_through_) {
        return settle(message, Fate::cleared, effects);
    }
    if (settings_.mode != Mode::fifo && gauges_.queued_messages == settings_.depth) {
        if (message.sequence < queue_.front()->slice.message->sequence) {
            return settle(message, Fate::overwritten, effects);
        }
        drop_first(Fate::overwritten, effects);
    }
    message.whole.slice = {.message = &message, .begin = 0, .end = message.size};
    queue_.push_front(message.whole);
    count_queued(message.whole.slice);
    effects.became_readable = true;
}

// For clear(): as many as the step may still move.
void Device::drop_queued(Effects& effects) {
    while (!queue_.empty() && effects.spend()) {
        drop_first(Fate::cleared, effects);
    }
    clearing_ = !queue_.empty();
}

// The piece at the head of the queue; `fate` is its message's, if nothing else of it is left.
void Device::drop_first(Fate fate, Effects& effects) {
    Piece& piece = *queue_.pop_front();
    Message& message = *piece.slice.message;
    count_unqueued(piece.slice);
    discard(piece, effects);
    settle(message, fate, effects);
}

// Returns what a released open had begun to the front of the queue, in order. A ring drops
// it instead.
void Device::release_begun(Effects& effects) {
    PieceList& begun = releasing_->begun;
    while (!begun.empty() && effects.spend()) {
        Piece& piece = *begun.pop_front();
        Message& message = *piece.slice.message;
        count_unbegun(piece.slice);
        if (settings_.mode == Mode::fifo) {
            aside_.push_front(piece);
            continue;
        }
        statistics_.bytes_truncated += piece.slice.size();
        discard(piece, effects);
        settle(message, Fate::read, effects);
    }
    while (begun.empty() && !aside_.empty() && effects.spend()) {
        Piece& piece = *aside_.pop_front();
        queue_.push_front(piece);
        count_queued(piece.slice);
        effects.became_readable = true;
    }
    if (begun.empty() && aside_.empty()) {
        releasing_ = nullptr;
    }
}

// Returns an empty piece to the caller, unless it is the message's own.
void Device::discard(Piece& piece, Effects& effects) {
    if (&piece != &piece.slice.message->whole) {
        effects.retired_pieces.push_back(piece);
    }
}

// The four count the bytes of a slice in and out, of the queue and of what is begun, for its
// message and for the gauges.
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

void Device::count_begun(const Slice& slice) {
    Message& message = *slice.message;
    gauges_.begun_messages += message.begun == 0 ? 1 : 0;
    message.begun += slice.size();
}

void Device::count_unbegun(const Slice& slice) {
    Message& message = *slice.message;
    message.begun -= slice.size();
    gauges_.begun_messages -= message.begun == 0 ? 1 : 0;
}

// Retires the message once none of its bytes waits or is being copied.
void Device::settle(Message& message, Fate fate, Effects& effects) {
    if (message.queued != 0 || message.begun != 0 || message.copying != 0) {
        return;
    }
    switch (fate) {
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
    effects.retired_messages.push_back(message);
}

} // namespace ipcdev
