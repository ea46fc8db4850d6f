// SPDX-License-Identifier: MIT
//
// Accounts for the inputs. Outcomes are in ledger_calls.cpp, and the laws that hold between
// two inputs in ledger_laws.cpp.
#include "ledger.h"

#include <algorithm>
#include <utility>

#include "ledger_breach.h"

namespace ipcdev::test {

std::optional<std::string> Ledger::follow(const Input& input, const Outcome& outcome,
                                          const Snapshot& after) {
    returned_.clear();
    joined_.clear();
    settled_.clear();
    regained_ = no_open;
    served_.clear();
    try {
        const PollMask before = mask();
        enter(input, outcome);
        for (const Completion& completion : outcome.completions) {
            complete(input, completion);
        }
        stay(input, outcome);
        let_writers_in(input);
        check_nobody_is_stuck();
        check_edges(before, outcome);
        check_given_back(outcome, after);
        check_snapshot(after);
    } catch (const Breach& breach) {
        return breach.law;
    }
    return std::nullopt;
}

void Ledger::enter(const Input& input, const Outcome& outcome) {
    switch (input.verb) {
    case Verb::open:
        open(input.open);
        break;
    case Verb::close:
        close(input.open);
        break;
    case Verb::read:
    case Verb::write:
        call(input);
        break;
    case Verb::cancel: {
        const bool parked = clients_[input.client].doing == Doing::parked;
        demand(outcome.cancelled == parked, "cancel ends a parked call, and no other");
        demand(outcome.completions.size() == (parked ? 1U : 0U), "cancel ends that one call");
        break;
    }
    case Verb::copied:
        copied(clients_[input.client]);
        break;
    case Verb::fault:
        fault(clients_[input.client]);
        break;
    case Verb::clear:
        clear();
        break;
    case Verb::configure:
        configure(input.change, outcome.error);
        break;
    }
}

void Ledger::call(const Input& input) {
    Client& client = clients_[input.client];
    client.doing = Doing::calling;
    client.nonblocking = input.nonblocking;
    client.batch = input.batch;
    client.user = input.user;
    client.open = input.open;
    client.bytes = bytes_of(input);
    if (input.verb == Verb::read) {
        client.operation = Operation::read;
    } else {
        const auto payloads = payloads_of(input);
        client.operation = Operation::write;
        client.payloads.assign(payloads.begin(), payloads.end());
        client.message = messages_ + 1;
        client.admitted = 0;
        messages_ += static_cast<std::uint32_t>(payloads.size());
    }
}

void Ledger::open(std::size_t open) {
    opens_.resize(std::max(opens_.size(), open + 1));
    opens_[open].is_open = true;
}

// What the open has begun becomes the first in the line; a ring drops it.
void Ledger::close(std::size_t open) {
    std::vector<Stretch> begun = std::exchange(opens_[open].begun, {});
    opens_[open].is_open = false;
    for (const Stretch& left : begun) {
        if (settings_.mode != Mode::fifo) {
            counted_.bytes_truncated += left.size();
            settle(left.message, left.size(), Fate::read);
        }
    }
    if (settings_.mode == Mode::fifo) {
        returned_ = begun;
        line_.insert(line_.begin(), begun.begin(), begun.end());
    }
}

void Ledger::copied(Client& client) {
    client.doing = Doing::nothing;
    for (const Stretch& taken : client.taken) {
        counted_.bytes_read += taken.size();
        settle(taken.message, taken.size(), Fate::read);
    }
}

void Ledger::fault(Client& client) {
    client.doing = Doing::nothing;
    ++spares_;
    std::for_each(client.taken.rbegin(), client.taken.rend(),
                  [&](const Stretch& taken) { give_back(client.open, taken); });
}

// The bytes return to the front of what the open has begun. If all the others of their
// message are there, the message is whole again.
void Ledger::give_back(std::size_t open, const Stretch& taken) {
    std::vector<Stretch>& begun = opens_[open].begun;
    const Parcel& parcel = book(taken.message);
    std::size_t back = taken.size();
    for (const Stretch& stretch : begun) {
        back += stretch.message == taken.message ? stretch.size() : 0;
    }
    if (back == parcel.payload.size()) {
        std::erase_if(begun,
                      [&](const Stretch& stretch) { return stretch.message == taken.message; });
        return give_back_whole(parcel);
    }
    returned_.push_back(taken);
    regained_ = open;
    if (!begun.empty() && begun.front().message == taken.message &&
        begun.front().begin == taken.end) {
        begun.front().begin = taken.begin;
    } else {
        begun.insert(begun.begin(), taken);
        begun.front().spare = false; // the snapshot knows
    }
}

// A message of which nothing was read becomes the first in the line, unless it has been
// cleared or overwritten meanwhile.
void Ledger::give_back_whole(const Parcel& parcel) {
    const Stretch whole{.message = parcel.number,
                        .begin = 0,
                        .end = static_cast<std::uint32_t>(parcel.payload.size())};
    if (parcel.cleared) {
        return settle(whole.message, whole.size(), Fate::cleared);
    }
    if (settings_.mode != Mode::fifo && messages_in_line() == settings_.depth) {
        if (age_rank(whole.message) < age_rank(line_.front().message)) {
            return settle(whole.message, whole.size(), Fate::overwritten);
        }
        drop_first(Fate::overwritten);
    }
    line_.insert(line_.begin(), whole);
    returned_.push_back(whole);
}

void Ledger::clear() {
    for (Parcel& parcel : parcels_) {
        parcel.cleared = true;
    }
    while (!line_.empty()) {
        drop_first(Fate::cleared);
    }
}

// The ranges are those of uapi/ipcdev.h; 0 keeps a setting.
static std::optional<Settings> changed(const Settings& now, const SettingsChange& change) {
    if (change.mode != 0 && change.mode != IPCDEV_MODE_FIFO && change.mode != IPCDEV_MODE_SLOT &&
        change.mode != IPCDEV_MODE_RING) {
        return std::nullopt;
    }
    const Mode mode = change.mode == 0 ? now.mode : static_cast<Mode>(change.mode);
    const std::uint64_t bytes = change.max_message == 0 ? now.max_message : change.max_message;
    std::uint64_t depth = change.depth;
    if (mode == Mode::slot) {
        if (depth > 1) {
            return std::nullopt;
        }
        depth = 1;
    } else if (depth == 0) {
        if (now.mode == Mode::slot) {
            return std::nullopt;
        }
        depth = now.depth;
    }
    const bool in_range = depth >= IPCDEV_DEPTH_MIN && depth <= IPCDEV_DEPTH_MAX &&
                          bytes >= IPCDEV_MESSAGE_MIN && bytes <= IPCDEV_MESSAGE_MAX &&
                          depth * bytes <= IPCDEV_QUEUE_BYTES_MAX;
    if (!in_range) {
        return std::nullopt;
    }
    return Settings{.mode = mode,
                    .depth = static_cast<std::uint32_t>(depth),
                    .max_message = static_cast<std::uint32_t>(bytes)};
}

void Ledger::configure(const SettingsChange& change, int error) {
    const std::optional<Settings> next = changed(settings_, change);
    if (next && idle()) {
        demand(error == 0, "an idle device takes settings that are in range");
        settings_ = *next;
    } else {
        demand((error == EINVAL && !next) || (error == EBUSY && !idle()),
               "EINVAL for settings out of range, EBUSY unless idle");
    }
}

} // namespace ipcdev::test
