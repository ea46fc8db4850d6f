// SPDX-License-Identifier: MIT
//
// One input at a time: do it, then serve whoever can go on, then see which bytes
// are fresh and still there.
#include "model.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <stdexcept>
#include <utility>

namespace ipcdev::test {

void Model::apply(const Input& input, Outcome& outcome) {
    if (!accepts(input)) {
        throw std::logic_error("makes no sense now");
    }
    outcome = {};
    regained_.reset();
    served_.clear();
    for (Stretch& stretch : queue_) {
        stretch.fresh = false;
    }
    const bool had_room = has_room();
    switch (input.verb) {
    case Verb::open:
        opens_[input.open] = {};
        break;
    case Verb::close:
        close(input.open);
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
    const auto is_fresh = [](const Stretch& stretch) { return stretch.fresh; };
    outcome.became_readable = std::any_of(queue_.begin(), queue_.end(), is_fresh) ||
                              (regained_ && has_begun(*regained_)) ||
                              std::any_of(served_.begin(), served_.end(),
                                          [this](std::size_t open) { return has_begun(open); });
    outcome.became_writable = !had_room && has_room();
}

PollMask Model::mask(std::size_t open) const {
    return {.readable = !queue_.empty() || has_begun(open), .writable = has_room()};
}

void Model::look(Snapshot& snapshot) const {
    snapshot = {};
    snapshot.settings = settings_;
    snapshot.statistics = counted_;
    snapshot.mask = mask(no_open);
    const auto seen = [](const Stretch& stretch) {
        return Queued{.message = stretch.message, .begin = stretch.begin, .end = stretch.end};
    };
    for (const Stretch& stretch : queue_) {
        snapshot.queue.push_back(seen(stretch));
        snapshot.gauges.queued_bytes += stretch.size();
    }
    for (const auto& [open, begun] : opens_) {
        snapshot.masks.push_back({.open = open, .mask = mask(open)});
        for (const Stretch& stretch : begun) {
            snapshot.begun.push_back({.open = open, .what = seen(stretch)});
        }
        for (const Call& call : readers_) {
            if (call.open == open) {
                snapshot.open_readers.push_back({.open = open, .client = call.client});
            }
        }
    }
    for (const Call& call : readers_) {
        snapshot.readers.push_back(call.client);
    }
    for (const Call& call : writers_) {
        snapshot.writers.push_back(call.client);
    }
    snapshot.gauges.queued_messages = static_cast<std::uint32_t>(queued_messages());
    snapshot.gauges.begun_messages = static_cast<std::uint32_t>(begun_messages());
    snapshot.gauges.parked_readers = static_cast<std::uint32_t>(readers_.size());
    snapshot.gauges.parked_writers = static_cast<std::uint32_t>(writers_.size());
    snapshot.gauges.opens = static_cast<std::uint32_t>(opens_.size());
    snapshot.gauges.copies = static_cast<std::uint32_t>(copies_.size());
}

bool Model::accepts(const Input& input) const {
    const auto by_it = [&](const Call& call) { return call.open == input.open; };
    switch (input.verb) {
    case Verb::open:
        return !is_open(input.open);
    case Verb::close:
        return is_open(input.open) && std::none_of(readers_.begin(), readers_.end(), by_it) &&
               std::none_of(writers_.begin(), writers_.end(), by_it) &&
               std::none_of(copies_.begin(), copies_.end(),
                            [&](const auto& copy) { return copy.second.open == input.open; });
    case Verb::read:
    case Verb::write:
        return is_open(input.open) && !is_parked(input.client) && !is_copying(input.client);
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

// What is left of what it has begun goes back to the front of a fifo's queue; where the
// newest messages count, it is dropped.
void Model::close(std::size_t open) {
    Stretches begun = std::move(opens_.at(open));
    opens_.erase(open);
    if (settings_.mode == Mode::fifo) {
        for (Stretch& stretch : begun) {
            stretch.fresh = true;
        }
        queue_.insert(queue_.begin(), begun.begin(), begun.end());
        return;
    }
    for (const Stretch& stretch : begun) {
        counted_.bytes_truncated += stretch.size();
        lose(stretch, Fate::read);
    }
}

void Model::copied(std::size_t client) {
    const Copy copy = copies_.at(client);
    copies_.erase(client);
    for (const Stretch& stretch : copy.taken) {
        counted_.bytes_read += stretch.size();
        lose(stretch, Fate::read);
    }
}

// The last one first, so that they stand as they did.
void Model::fault(std::size_t client) {
    const Copy copy = copies_.at(client);
    copies_.erase(client);
    std::for_each(copy.taken.rbegin(), copy.taken.rend(),
                  [&](const Stretch& stretch) { bring_back(copy.open, stretch); });
}

// In front of what its open has begun; if nothing of the message is read then, it is not
// begun any more.
void Model::bring_back(std::size_t open, const Stretch& stretch) {
    const std::uint32_t message = stretch.message;
    Stretches& begun = opens_.at(open);
    if (!begun.empty() && begun.front().message == message && begun.front().begin == stretch.end) {
        begun.front().begin = stretch.begin;
    } else {
        begun.push_front(stretch);
    }
    const std::size_t waiting = std::accumulate(
        begun.begin(), begun.end(), std::size_t{0}, [message](std::size_t sum, const Stretch& one) {
            return sum + (one.message == message ? one.size() : 0);
        });
    if (waiting == lives_.at(message).text.size()) {
        std::erase_if(begun, [message](const Stretch& one) { return one.message == message; });
        queue_again(message);
    } else {
        regained_ = open;
    }
}

// All of a message that was not in the queue; or it goes, since CLEAR was there, or since
// newer ones have its place.
void Model::queue_again(std::uint32_t message) {
    const Life& life = lives_.at(message);
    const Stretch whole{
        .message = message, .end = static_cast<std::uint32_t>(life.text.size()), .fresh = true};
    if (life.cleared) {
        return lose(whole, Fate::cleared);
    }
    if (settings_.mode != Mode::fifo && queued_messages() == settings_.depth) {
        if (message < queue_.front().message) {
            return lose(whole, Fate::overwritten);
        }
        overwrite_oldest();
    }
    queue_.push_front(whole);
}

void Model::clear() {
    for (const Stretch& stretch : std::exchange(queue_, {})) {
        lose(stretch, Fate::cleared);
    }
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
    const bool kept = settings_.mode != Mode::slot;
    next.depth = change.depth != 0 ? change.depth : (slot ? 1 : (kept ? next.depth : 0));
    if (change.mode > IPCDEV_MODE_RING || next.depth == 0 || (slot && next.depth != 1) ||
        next.depth > IPCDEV_DEPTH_MAX || next.max_message > IPCDEV_MESSAGE_MAX ||
        std::uint64_t{next.depth} * next.max_message > IPCDEV_QUEUE_BYTES_MAX) {
        return EINVAL;
    }
    if (!lives_.empty() || !readers_.empty() || !writers_.empty()) {
        return EBUSY; // what lives is queued, begun or being copied
    }
    settings_ = next;
    return 0;
}

// The one at the head; each is whole, where they are overwritten.
void Model::overwrite_oldest() {
    const Stretch oldest = queue_.front();
    queue_.pop_front();
    lose(oldest, Fate::overwritten);
}

void Model::lose(const Stretch& stretch, Fate fate) {
    Life& life = lives_.at(stretch.message);
    life.left -= stretch.size();
    if (life.left == 0) {
        ++(fate == Fate::read          ? counted_.messages_read
           : fate == Fate::overwritten ? counted_.messages_overwritten
                                       : counted_.messages_cleared);
        lives_.erase(stretch.message);
    }
}

std::size_t Model::queued_messages() const {
    std::set<std::uint32_t> distinct;
    for (const Stretch& stretch : queue_) {
        distinct.insert(stretch.message);
    }
    return distinct.size();
}

std::size_t Model::begun_messages() const {
    std::set<std::uint32_t> distinct;
    for (const auto& [open, begun] : opens_) {
        for (const Stretch& stretch : begun) {
            distinct.insert(stretch.message);
        }
    }
    return distinct.size();
}

bool Model::has_begun(std::size_t open) const {
    const auto known = opens_.find(open);
    return known != opens_.end() && !known->second.empty();
}

bool Model::has_room() const {
    return settings_.mode != Mode::fifo || queued_messages() + begun_messages() < settings_.depth;
}

std::string Model::text_of(const Stretch& stretch) const {
    return lives_.at(stretch.message).text.substr(stretch.begin, stretch.size());
}

} // namespace ipcdev::test
