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

void Model::copied(std::size_t client) {
    const Copy copy = copies_.at(client);
    copies_.erase(client);
    std::size_t size = 0;
    for (const Bytes& bytes : copy.taken) {
        size += bytes.text.size();
        lose(bytes.message, bytes.text.size());
    }
    counted_.bytes_read += copy.done;
    counted_.bytes_truncated += size - copy.done;
}

// The last one first, so that they stand in the queue as they did.
void Model::fault(std::size_t client) {
    const Copy copy = copies_.at(client);
    copies_.erase(client);
    std::for_each(copy.taken.rbegin(), copy.taken.rend(),
                  [this](const Bytes& bytes) { bring_back(bytes); });
}

void Model::bring_back(Bytes bytes) {
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
