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
    while (has_room()) {
        admit(request, effects);
        const bool all = request.message == nullptr;
        if (all) {
            complete(request, 0, effects);
        }
        match(effects);
        if (all) {
            return;
        }
    }
    park(request, effects);
}

void Device::submit_read(Request& request, Effects& effects) {
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
    const bool was_full = !has_room();
    take(request, effects);
    effects.became_writable |= was_full && has_room();
    match(effects);
}

bool Device::cancel(Request& request, int error, Effects& effects) {
    if (request.state != RequestState::parked) {
        return false;
    }
    if (request.operation == Operation::read) {
        readers_.erase(request);
        --gauges_.parked_readers;
    } else {
        writers_.erase(request);
        --gauges_.parked_writers;
    }
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
    --gauges_.copies;
    request.state = RequestState::idle;
    if (!request.batch) {
        return finish_copy(request.taken, request.done, effects);
    }
    while (Piece* piece = request.pieces.pop_front()) {
        const Slice slice = piece->slice;
        if (piece != &slice.message->whole) {
            effects.returned.push_back(*piece);
        }
        finish_copy(slice, slice.size(), effects);
    }
}

void Device::put_back(Request& request, Piece& spare, Effects& effects) {
    assert(request.state == RequestState::copying);
    --gauges_.copies;
    request.state = RequestState::idle;
    if (!request.batch) {
        give_back(request.taken, spare, effects);
    } else {
        effects.returned.push_back(spare);
        while (Piece* last = request.pieces.pop_back()) {
            give_back(Slice(last->slice), *last, effects);
        }
    }
    match(effects);
}

int Device::configure(const SettingsChange& change) {
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
    cleared_through_ = statistics_.messages_written;
    drop_queued(Fate::cleared, effects);
    match(effects);
}

PollMask Device::poll_mask() const {
    return {.readable = !queue_.empty(), .writable = has_room()};
}

bool Device::has_room() const {
    return settings_.mode == Mode::slot || gauges_.queued_messages < settings_.depth;
}

void Device::park(Request& request, Effects& effects) {
    if (request.nonblocking) {
        return complete(request, EAGAIN, effects);
    }
    if (gauges_.parked_readers + gauges_.parked_writers >= IPCDEV_PARKED_MAX) {
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
}

// What was done already counts for more than the reason why it is over.
void Device::complete(Request& request, int error, Effects& effects) {
    request.state = RequestState::completed;
    request.error = request.done == 0 ? error : 0;
    effects.completed.push_back(request);
}

// Those of the writer's messages for which there is room join the queue, at least one.
void Device::admit(Request& request, Effects& effects) {
    do {
        Message& message = *request.message;
        request.message = message.next;
        if (settings_.mode == Mode::slot) {
            drop_queued(Fate::overwritten, effects);
        }
        message.sequence = ++statistics_.messages_written;
        statistics_.bytes_written += message.size;
        message.whole.slice = {.message = &message, .begin = 0, .end = message.size};
        queue_.push_back(message.whole);
        count_queued(message.whole.slice);
        request.done += request.batch ? frame_bytes(message.size) : message.size;
    } while (request.message != nullptr && has_room());
    effects.became_readable = true;
}

// Gives the reader, which is on no list, what it can have of the queue.
void Device::take(Request& request, Effects& effects) {
    request.done = request.batch ? take_frames(request) : take_bytes(request, effects);
    ++gauges_.copies;
    complete(request, 0, effects);
    request.state = RequestState::copying;
}

std::uint32_t Device::take_bytes(Request& request, Effects& effects) {
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
    return done;
}

// The first fits, by submit_read's check.
std::uint32_t Device::take_frames(Request& request) {
    std::uint32_t done = 0;
    while (Piece* head = queue_.front()) {
        const std::uint32_t bytes = frame_bytes(head->slice.size());
        if (bytes > request.bytes - done) {
            break;
        }
        queue_.erase(*head);
        count_unqueued(head->slice);
        head->slice.message->copying += head->slice.size();
        request.pieces.push_back(*head);
        done += bytes;
    }
    return done;
}

// Completes the parked requests that can go on, until none can. What happens to
// be over by then is no edge for a poller.
void Device::match(Effects& effects) {
    if (!readers_.empty() || !writers_.empty()) {
        serve_parked(effects);
    }
    effects.became_readable &= !queue_.empty();
    effects.became_writable &= has_room();
}

void Device::serve_parked(Effects& effects) {
    for (;;) {
        if (!readers_.empty() && !queue_.empty()) {
            Request& reader = *readers_.pop_front();
            --gauges_.parked_readers;
            take(reader, effects);
        } else if (!writers_.empty() && has_room()) {
            Request& writer = *writers_.front();
            admit(writer, effects);
            if (writer.message == nullptr) {
                writers_.erase(writer);
                --gauges_.parked_writers;
                complete(writer, 0, effects);
            }
        } else {
            return;
        }
    }
}

// The reader has the first `done` bytes of what it took; there is no rest but in slot mode.
void Device::finish_copy(const Slice& slice, std::uint32_t done, Effects& effects) {
    statistics_.bytes_read += done;
    statistics_.bytes_truncated += slice.size() - done;
    slice.message->copying -= slice.size();
    settle(*slice.message, effects);
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

void Device::drop_queued(Fate fate, Effects& effects) {
    const bool was_full = !has_room();
    while (Piece* piece = queue_.front()) {
        Message& message = *piece->slice.message;
        count_unqueued(piece->slice);
        message.fate = fate;
        unlink(*piece, effects);
        settle(message, effects);
    }
    effects.became_writable |= was_full && has_room();
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
