// SPDX-License-Identifier: MIT
//
// How the books are kept: what goes in, what comes out. The laws that hold
// between two inputs are in ledger_laws.cpp.
#include "ledger.h"

#include <algorithm>

#include "ledger_breach.h"

namespace ipcdev::test {

std::optional<std::string> Ledger::follow(const Input& input, const Outcome& outcome,
                                          const Snapshot& after) {
    returned_.reset();
    joined_.clear();
    settled_.clear();
    try {
        const PollMask before = mask();
        enter(input, outcome);
        for (const Completion& completion : outcome.completions) {
            complete(input, completion);
        }
        stay(input, outcome);
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
    if (input.verb == Verb::read) {
        client.operation = Operation::read;
        client.bytes = input.count;
    } else {
        client.operation = Operation::write;
        client.bytes = input.payload.size();
        client.payload = input.payload;
        client.message = ++writes_;
    }
}

void Ledger::copied(Client& client) {
    counted_.bytes_read += client.done;
    counted_.bytes_truncated += client.taken.size() - client.done;
    client.doing = Doing::nothing;
    settle(client.taken.message, client.taken.size());
}

// The bytes go in front of the line, unless they are out of date by now.
void Ledger::fault(Client& client) {
    const Stretch taken = client.taken;
    Parcel& parcel = book(taken.message);
    client.doing = Doing::nothing;
    ++spares_;
    if (parcel.cleared) {
        parcel.fate = Fate::cleared;
        settle(taken.message, taken.size());
    } else if (settings_.mode == Mode::slot && parcel.superseded) {
        parcel.fate = Fate::overwritten;
        settle(taken.message, taken.size());
    } else {
        returned_ = taken;
        if (!line_.empty() && line_.front().message == taken.message &&
            line_.front().begin == taken.end) {
            line_.front().begin = taken.begin;
        } else {
            line_.insert(line_.begin(), taken);
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

void Ledger::complete(const Input& input, const Completion& completion) {
    demand(completion.client < clients_.size(), "a call ends that nobody made");
    Client& client = clients_[completion.client];
    demand(client.doing == Doing::calling || client.doing == Doing::parked,
           "only a call that is under way ends");
    demand(client.operation == completion.operation, "a read ends as a read, a write as a write");
    if (completion.error == 0) {
        demand(input.verb != Verb::cancel, "a cancelled call reports no success");
        if (client.bytes == 0) {
            demand(completion.done == 0, "0 bytes asked for are 0 bytes done");
            client.doing = Doing::nothing;
        } else if (client.operation == Operation::write) {
            admit(completion.client, completion);
        } else {
            take(completion.client, completion);
        }
        return;
    }
    demand(completion.done == 0, "a call that fails has done nothing");
    if (client.operation == Operation::write) {
        const bool owned = client.bytes > 0 && client.bytes <= settings_.max_message;
        demand(completion.kept == owned, "a write that fails leaves its message with the writer");
    }
    if (client.doing == Doing::parked) {
        demand(input.verb == Verb::cancel && input.client == completion.client &&
                   input.error == completion.error,
               "a parked call fails only if it is cancelled, and with that error");
        leave_waiting(completion.client);
        counted_.interrupted += completion.error == EINTR ? 1 : 0;
    } else {
        refuse(client, completion);
    }
    client.doing = Doing::nothing;
}

// Where several errors apply, any of them may be reported.
void Ledger::refuse(const Client& client, const Completion& completion) const {
    const bool reads = client.operation == Operation::read;
    const bool would_park = client.bytes > 0 && (reads ? line_.empty() : !has_room());
    switch (completion.error) {
    case EMSGSIZE:
        demand(!reads && client.bytes > settings_.max_message, "EMSGSIZE only above max_message");
        break;
    case EAGAIN:
        demand(client.nonblocking && would_park, "EAGAIN only if non-blocking and it would park");
        break;
    case ENOBUFS:
        demand(would_park && waiting_.size() == IPCDEV_PARKED_MAX,
               "ENOBUFS only if it would park beside the most that may");
        break;
    default:
        throw Breach{"a call failed with error " + std::to_string(completion.error)};
    }
}

void Ledger::admit(std::size_t index, const Completion& completion) {
    Client& client = clients_[index];
    demand(client.bytes <= settings_.max_message, "EMSGSIZE above max_message");
    demand(completion.done == client.bytes, "a write is whole");
    demand(completion.message == client.message, "a writer's own message is admitted");
    demand(!completion.kept, "the device has the message that it admitted");
    must_be_next(index);
    if (settings_.mode == Mode::slot) {
        drop_line(Fate::overwritten);
    }
    demand(has_room(), "a fifo admits up to depth messages");
    for (Parcel& parcel : parcels_) {
        parcel.superseded = true;
    }
    const auto size = static_cast<std::uint32_t>(client.bytes);
    parcels_.push_back({.number = client.message, .payload = client.payload, .left = size});
    line_.push_back({.message = client.message, .begin = 0, .end = size});
    joined_.push_back(client.message);
    ++counted_.messages_written;
    counted_.bytes_written += size;
    leave_waiting(index);
    client.doing = Doing::nothing;
}

void Ledger::take(std::size_t index, const Completion& completion) {
    Client& client = clients_[index];
    must_be_next(index);
    demand(!line_.empty(), "a read gives bytes that wait");
    Stretch& front = line_.front();
    const std::uint64_t most = std::min<std::uint64_t>(client.bytes, front.size());
    demand(completion.message == front.message && completion.begin == front.begin,
           "a read gives the bytes at the front of the line");
    demand(completion.done == most, "a read gives all that fits, of one message");
    demand(completion.text == book(front.message).payload.substr(front.begin, most),
           "a read gives the bytes that were written");
    Stretch taken = front;
    if (settings_.mode == Mode::fifo) {
        taken.end = taken.begin + completion.done;
    }
    demand(completion.end == taken.end, "fifo: the rest stays in the line; slot: it goes too");
    front.begin = taken.end;
    if (front.size() == 0) {
        line_.erase(line_.begin());
    }
    leave_waiting(index);
    client.doing = Doing::copying;
    client.taken = taken;
    client.done = completion.done;
}

void Ledger::must_be_next(std::size_t index) const {
    const Client& client = clients_[index];
    for (const std::size_t other : waiting_) {
        if (clients_[other].operation == client.operation) {
            demand(other == index, client.doing == Doing::parked
                                       ? "parked calls are served in order of arrival"
                                       : "a newcomer never overtakes a parked call");
            return;
        }
    }
}

void Ledger::leave_waiting(std::size_t index) {
    std::erase(waiting_, index);
}

// The call that was made, if it did not end.
void Ledger::stay(const Input& input, const Outcome& outcome) {
    const bool calls = input.verb == Verb::read || input.verb == Verb::write;
    const bool stays = calls && clients_[input.client].doing == Doing::calling;
    demand(outcome.parked == stays, "a call ends or parks");
    if (!stays) {
        return;
    }
    Client& client = clients_[input.client];
    const bool reads = client.operation == Operation::read;
    demand(!client.nonblocking, "a non-blocking call never parks");
    demand(waiting_.size() < IPCDEV_PARKED_MAX, "ENOBUFS beside the most that may park");
    demand(reads || client.bytes <= settings_.max_message, "EMSGSIZE above max_message");
    client.doing = Doing::parked;
    waiting_.push_back(input.client);
    ++(reads ? counted_.reader_parks : counted_.writer_parks);
}

} // namespace ipcdev::test
