// SPDX-License-Identifier: MIT
//
// One input at a time: do it, then serve whoever can go on, then see which bytes
// are fresh and still there.
#include "model.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace ipcdev::test {

void Model::apply(const Input& input, Outcome& outcome) {
    if (!accepts(input)) {
        throw std::logic_error("makes no sense now");
    }
    outcome = {};
    for (Bytes& bytes : queue_) {
        bytes.fresh = false;
    }
    const bool had_room = has_room();
    switch (input.verb) {
    case Verb::open:
        ++opens_;
        break;
    case Verb::close:
        --opens_;
        break;
    case Verb::read:
        read(input, outcome);
        break;
    case Verb::write:
        write(input, outcome);
        break;
    case Verb::cancel:
        cancel(input, outcome);
        break;
    case Verb::copied:
        copied(input.client);
        break;
    case Verb::fault:
        fault(input.client);
        break;
    case Verb::clear:
        clear();
        break;
    case Verb::configure:
        outcome.error = configure(input.change);
        break;
    }
    serve(outcome);
    outcome.became_readable =
        std::any_of(queue_.begin(), queue_.end(), [](const Bytes& bytes) { return bytes.fresh; });
    outcome.became_writable = !had_room && has_room();
}

PollMask Model::mask() const {
    return {.readable = !queue_.empty(), .writable = has_room()};
}

void Model::look(Snapshot& snapshot) const {
    snapshot = {};
    snapshot.settings = settings_;
    snapshot.statistics = counted_;
    snapshot.mask = mask();
    for (const Bytes& bytes : queue_) {
        const auto end = bytes.begin + static_cast<std::uint32_t>(bytes.text.size());
        snapshot.queue.push_back({.message = bytes.message, .begin = bytes.begin, .end = end});
        snapshot.gauges.queued_bytes += bytes.text.size();
    }
    for (const Call& call : readers_) {
        snapshot.readers.push_back(call.client);
    }
    for (const Call& call : writers_) {
        snapshot.writers.push_back(call.client);
    }
    snapshot.gauges.queued_messages = static_cast<std::uint32_t>(messages());
    snapshot.gauges.parked_readers = static_cast<std::uint32_t>(readers_.size());
    snapshot.gauges.parked_writers = static_cast<std::uint32_t>(writers_.size());
    snapshot.gauges.opens = opens_;
    snapshot.gauges.copies = static_cast<std::uint32_t>(copies_.size());
}

bool Model::accepts(const Input& input) const {
    switch (input.verb) {
    case Verb::close:
        return opens_ > 0;
    case Verb::read:
    case Verb::write:
        return !is_parked(input.client) && !is_copying(input.client);
    case Verb::copied:
    case Verb::fault:
        return is_copying(input.client);
    default:
        return true;
    }
}

bool Model::is_parked(std::size_t client) const {
    const auto is = [&](const Call& call) { return call.client == client; };
    return std::any_of(readers_.begin(), readers_.end(), is) ||
           std::any_of(writers_.begin(), writers_.end(), is);
}

void Model::read(const Input& input, Outcome& outcome) {
    const Call call{.client = input.client, .count = input.count};
    if (input.count == 0) {
        outcome.completions.push_back({.client = input.client});
    } else if (queue_.empty()) {
        park(input, readers_, call, outcome);
    } else {
        give(call, outcome);
    }
}

void Model::write(const Input& input, Outcome& outcome) {
    const Call call{.client = input.client, .message = ++writes_, .text = input.payload};
    Completion ended{.client = input.client, .operation = Operation::write};
    if (input.payload.empty()) {
        outcome.completions.push_back(ended);
    } else if (input.payload.size() > settings_.max_message) {
        ended.error = EMSGSIZE;
        outcome.completions.push_back(ended);
    } else if (settings_.mode == Mode::slot) {
        drop_queue(Fate::overwritten);
        queue(call, outcome);
    } else if (has_room()) {
        queue(call, outcome);
    } else {
        park(input, writers_, call, outcome);
    }
}

void Model::park(const Input& input, std::deque<Call>& calls, Call call, Outcome& outcome) {
    const bool reads = &calls == &readers_;
    const bool too_many = readers_.size() + writers_.size() == IPCDEV_PARKED_MAX;
    if (input.nonblocking || too_many) {
        outcome.completions.push_back({.client = input.client,
                                       .operation = reads ? Operation::read : Operation::write,
                                       .error = input.nonblocking ? EAGAIN : ENOBUFS});
        return;
    }
    calls.push_back(std::move(call));
    ++(reads ? counted_.reader_parks : counted_.writer_parks);
    outcome.parked = true;
}

void Model::cancel(const Input& input, Outcome& outcome) {
    const auto is = [&](const Call& call) { return call.client == input.client; };
    const bool read = std::erase_if(readers_, is) != 0;
    const bool written = std::erase_if(writers_, is) != 0;
    outcome.cancelled = read || written;
    if (outcome.cancelled) {
        outcome.completions.push_back({.client = input.client,
                                       .operation = read ? Operation::read : Operation::write,
                                       .error = input.error});
        counted_.interrupted += input.error == EINTR ? 1 : 0;
    }
}

void Model::copied(std::size_t client) {
    const Copy copy = copies_.at(client);
    copies_.erase(client);
    counted_.bytes_read += copy.done;
    counted_.bytes_truncated += copy.bytes.text.size() - copy.done;
    lose(copy.bytes.message, copy.bytes.text.size());
}

void Model::fault(std::size_t client) {
    Bytes bytes = copies_.at(client).bytes;
    copies_.erase(client);
    Life& life = lives_.at(bytes.message);
    const bool outdated = settings_.mode == Mode::slot && bytes.message != newest_;
    if (life.cleared || outdated) {
        life.fate = life.cleared ? Fate::cleared : Fate::overwritten;
        lose(bytes.message, bytes.text.size());
        return;
    }
    bytes.fresh = true;
    if (!queue_.empty() && queue_.front().message == bytes.message &&
        queue_.front().begin == bytes.begin + bytes.text.size()) {
        bytes.text += queue_.front().text;
        queue_.pop_front();
    }
    queue_.push_front(std::move(bytes));
}

void Model::clear() {
    drop_queue(Fate::cleared);
    for (auto& [message, life] : lives_) {
        life.cleared = true;
    }
}

int Model::configure(const SettingsChange& change) {
    Settings next = settings_;
    if (change.mode != 0) {
        next.mode = static_cast<Mode>(change.mode);
    }
    if (change.max_message != 0) {
        next.max_message = change.max_message;
    }
    const bool slot = next.mode == Mode::slot;
    const bool kept = change.depth == 0 && settings_.mode == next.mode;
    next.depth = change.depth != 0 ? change.depth : (slot ? 1 : (kept ? next.depth : 0));
    if (change.mode > IPCDEV_MODE_SLOT || next.depth == 0 || (slot && next.depth != 1) ||
        next.depth > IPCDEV_DEPTH_MAX || next.max_message > IPCDEV_MESSAGE_MAX ||
        std::uint64_t{next.depth} * next.max_message > IPCDEV_QUEUE_BYTES_MAX) {
        return EINVAL;
    }
    if (!queue_.empty() || !readers_.empty() || !writers_.empty() || !copies_.empty()) {
        return EBUSY;
    }
    settings_ = next;
    return 0;
}

void Model::serve(Outcome& outcome) {
    while (!readers_.empty() && !queue_.empty()) {
        const Call call = readers_.front();
        readers_.pop_front();
        give(call, outcome);
    }
    while (!writers_.empty() && has_room()) {
        const Call call = writers_.front();
        writers_.pop_front();
        queue(call, outcome);
    }
}

void Model::give(const Call& call, Outcome& outcome) {
    Bytes& front = queue_.front();
    Copy copy{.bytes = front};
    copy.done = std::min<std::uint64_t>(call.count, front.text.size());
    if (settings_.mode == Mode::fifo && copy.done < front.text.size()) {
        copy.bytes.text.resize(copy.done);
        front.text.erase(0, copy.done);
        front.begin += static_cast<std::uint32_t>(copy.done);
    } else {
        queue_.pop_front();
    }
    const Bytes& bytes = copy.bytes;
    outcome.completions.push_back(
        {.client = call.client,
         .done = static_cast<std::uint32_t>(copy.done),
         .text = bytes.text.substr(0, copy.done),
         .message = bytes.message,
         .begin = bytes.begin,
         .end = bytes.begin + static_cast<std::uint32_t>(bytes.text.size())});
    copies_.emplace(call.client, std::move(copy));
}

void Model::queue(const Call& call, Outcome& outcome) {
    queue_.push_back({.message = call.message, .text = call.text, .fresh = true});
    lives_[call.message].left = call.text.size();
    newest_ = call.message;
    ++counted_.messages_written;
    counted_.bytes_written += call.text.size();
    outcome.completions.push_back({.client = call.client,
                                   .operation = Operation::write,
                                   .done = static_cast<std::uint32_t>(call.text.size()),
                                   .message = call.message});
}

void Model::drop_queue(Fate fate) {
    while (!queue_.empty()) {
        const Bytes bytes = std::move(queue_.front());
        queue_.pop_front();
        lives_.at(bytes.message).fate = fate;
        lose(bytes.message, bytes.text.size());
    }
}

void Model::lose(std::uint32_t message, std::size_t bytes) {
    Life& life = lives_.at(message);
    life.left -= bytes;
    if (life.left == 0) {
        ++(life.fate == Fate::read          ? counted_.messages_read
           : life.fate == Fate::overwritten ? counted_.messages_overwritten
                                            : counted_.messages_cleared);
        lives_.erase(message);
    }
}

std::size_t Model::messages() const {
    std::set<std::uint32_t> distinct;
    for (const Bytes& bytes : queue_) {
        distinct.insert(bytes.message);
    }
    return distinct.size();
}

bool Model::has_room() const {
    return settings_.mode == Mode::slot || messages() < settings_.depth;
}

} // namespace ipcdev::test
