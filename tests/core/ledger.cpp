// SPDX-License-Identifier: MIT
//
// How the books are kept of what goes in. What comes out is in ledger_calls.cpp, the
// laws that hold between two inputs are in ledger_laws.cpp.
#include "ledger.h"

#include <algorithm>

#include "ledger_breach.h"

namespace ipcdev::test {

std::optional<std::string> Ledger::follow(const Input& input, const Outcome& outcome,
                                          const Snapshot& after) {
    returned_.clear();
    joined_.clear();
    settled_.clear();
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
        ++opens_;
        break;
    case Verb::close:
        --opens_;
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

void Ledger::copied(Client& client) {
    std::uint32_t size = 0;
    client.doing = Doing::nothing;
    for (const Stretch& taken : client.taken) {
        size += taken.size();
        settle(taken.message, taken.size());
    }
    counted_.bytes_read += client.done;
    counted_.bytes_truncated += size - client.done;
}

void Ledger::fault(Client& client) {
    client.doing = Doing::nothing;
    ++spares_;
    std::for_each(client.taken.rbegin(), client.taken.rend(),
                  [this](const Stretch& taken) { give_back(taken); });
}

// The bytes go in front of the line, unless they are out of date by now.
void Ledger::give_back(const Stretch& taken) {
    Parcel& parcel = book(taken.message);
    if (parcel.cleared) {
        parcel.fate = Fate::cleared;
        settle(taken.message, taken.size());
    } else if (settings_.mode == Mode::slot && parcel.superseded) {
        parcel.fate = Fate::overwritten;
        settle(taken.message, taken.size());
    } else {
        returned_.push_back(taken);
        if (!line_.empty() && line_.front().message == taken.message &&
            line_.front().begin == taken.end) {
            line_.front().begin = taken.begin;
        } else {
            line_.insert(line_.begin(), taken);
            line_.front().spare = false; // the snapshot knows
        }
    }
}

void Ledger::clear() {
    for (Parcel& parcel : parcels_) {
        parcel.cleared = true;
    }
    drop_line(Fate::cleared);
}

// As the header of the interface has the ranges: 0 keeps.
static std::optional<Settings> changed(const Settings& now, const SettingsChange& change) {
    if (change.mode != 0 && change.mode != IPCDEV_MODE_FIFO && change.mode != IPCDEV_MODE_SLOT) {
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
