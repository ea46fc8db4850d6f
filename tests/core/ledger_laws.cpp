// SPDX-License-Identifier: MIT
//
// The laws that hold between two inputs, and the sums they are made of.
#include <algorithm>

#include "ledger.h"
#include "ledger_breach.h"

namespace ipcdev::test {

const Ledger::Parcel& Ledger::parcel(std::uint32_t message) const {
    for (const Parcel& parcel : parcels_) {
        if (parcel.number == message) {
            return parcel;
        }
    }
    throw Breach{"a byte moves of a message that is not there"};
}

Ledger::Parcel& Ledger::book(std::uint32_t message) {
    return const_cast<Parcel&>(parcel(message));
}

void Ledger::drop_line(Fate fate) {
    while (!line_.empty()) {
        const Stretch stretch = line_.front();
        line_.erase(line_.begin());
        book(stretch.message).fate = fate;
        settle(stretch.message, stretch.size());
    }
}

// So many bytes of the message are gone. With the last one it is counted.
void Ledger::settle(std::uint32_t message, std::uint32_t bytes) {
    Parcel& parcel = book(message);
    parcel.left -= bytes;
    if (parcel.left != 0) {
        return;
    }
    ++(parcel.fate == Fate::read          ? counted_.messages_read
       : parcel.fate == Fate::overwritten ? counted_.messages_overwritten
                                          : counted_.messages_cleared);
    settled_.push_back(message);
    std::erase_if(parcels_, [&](const Parcel& other) { return other.number == message; });
}

std::uint32_t Ledger::messages_in_line() const {
    const auto waits = [&](const Parcel& parcel) {
        return std::any_of(line_.begin(), line_.end(), [&](const Stretch& stretch) {
            return stretch.message == parcel.number;
        });
    };
    return static_cast<std::uint32_t>(std::count_if(parcels_.begin(), parcels_.end(), waits));
}

std::uint32_t Ledger::waiting(Operation operation) const {
    return static_cast<std::uint32_t>(
        std::count_if(waiting_.begin(), waiting_.end(),
                      [&](std::size_t client) { return clients_[client].operation == operation; }));
}

std::uint32_t Ledger::copies() const {
    return static_cast<std::uint32_t>(
        std::count_if(clients_.begin(), clients_.end(),
                      [](const Client& client) { return client.doing == Doing::copying; }));
}

Share Ledger::share_of(std::size_t user) const {
    Share share{.user = user};
    for (const Client& client : clients_) {
        if (client.user == user) {
            share.parked += client.doing == Doing::parked ? 1 : 0;
            share.copies += client.doing == Doing::copying ? 1 : 0;
        }
    }
    return share;
}

bool Ledger::may_park(const Client& caller) const {
    const Share share = share_of(caller.user);
    return waiting_.size() + copies() < limits_.operations &&
           (caller.user == 0 || share.parked + share.copies < limits_.per_user);
}

// As many as that beside anything; of one user beside anything but a full device.
bool Ledger::may_copy(const Client& caller) const {
    const bool few = share_of(caller.user).copies < limits_.copies;
    return copies() < limits_.copies || may_park(caller) ||
           (few && waiting_.size() + copies() < limits_.operations);
}

bool Ledger::in_line(const Stretch& stretch) const {
    return std::any_of(line_.begin(), line_.end(), [&](const Stretch& other) {
        return other.message == stretch.message && other.begin < stretch.end &&
               stretch.begin < other.end;
    });
}

bool Ledger::idle() const {
    return line_.empty() && waiting_.empty() && copies() == 0;
}

bool Ledger::has_room() const {
    return settings_.mode == Mode::slot || messages_in_line() < settings_.depth;
}

PollMask Ledger::mask() const {
    return {.readable = !line_.empty(), .writable = has_room()};
}

void Ledger::check_nobody_is_stuck() const {
    demand(line_.empty() || waiting(Operation::read) == 0, "no reader is parked beside bytes");
    demand(!has_room() || waiting(Operation::write) == 0, "no writer is parked beside room");
}

void Ledger::check_edges(const PollMask& before, const Outcome& outcome) const {
    bool stays = std::any_of(returned_.begin(), returned_.end(),
                             [&](const Stretch& stretch) { return in_line(stretch); });
    for (const std::uint32_t message : joined_) {
        stays |= std::any_of(line_.begin(), line_.end(),
                             [&](const Stretch& stretch) { return stretch.message == message; });
    }
    demand(outcome.became_readable || !stays, "bytes that join the line and stay make an edge");
    demand(!outcome.became_readable || stays,
           "what is handed straight to a reader, and a remainder, make no edge");
    const bool got_room = !before.writable && has_room();
    demand(outcome.became_writable || !got_room, "a full fifo that gets room makes an edge");
    demand(!outcome.became_writable || got_room, "no edge for room that was there or is gone");
}

void Ledger::check_given_back(const Outcome& outcome, const Snapshot& after) {
    std::vector<std::uint32_t> retired = outcome.retired;
    std::sort(retired.begin(), retired.end());
    std::sort(settled_.begin(), settled_.end());
    demand(retired == settled_, "a message is retired with its last byte, and once");
    demand(outcome.spares_returned <= spares_, "a spare piece comes back once");
    spares_ -= outcome.spares_returned;
    auto used = std::count_if(after.queue.begin(), after.queue.end(),
                              [](const Queued& queued) { return queued.spare; });
    for (const Client& client : clients_) {
        if (client.doing == Doing::copying) {
            used += std::count_if(client.taken.begin(), client.taken.end(),
                                  [](const Stretch& stretch) { return stretch.spare; });
        }
    }
    demand(spares_ == static_cast<std::uint32_t>(used),
           "a spare piece comes back as soon as it is not needed");
}

static void same(const char* name, std::uint64_t seen, std::uint64_t expected) {
    if (seen != expected) {
        throw Breach{std::string(name) + " is " + std::to_string(seen) + ", the books say " +
                     std::to_string(expected)};
    }
}

void Ledger::check_snapshot(const Snapshot& after) const {
    std::uint64_t bytes = 0;
    for (const Stretch& stretch : line_) {
        bytes += stretch.size();
    }
    const Gauges& gauges = after.gauges;
    same("queued_messages", gauges.queued_messages, messages_in_line());
    same("queued_bytes", gauges.queued_bytes, bytes);
    same("parked_readers", gauges.parked_readers, waiting(Operation::read));
    same("parked_writers", gauges.parked_writers, waiting(Operation::write));
    same("opens", gauges.opens, opens_);
    same("copies", gauges.copies, copies());

    const Statistics& seen = after.statistics;
    same("messages_written", seen.messages_written, counted_.messages_written);
    same("bytes_written", seen.bytes_written, counted_.bytes_written);
    same("messages_read", seen.messages_read, counted_.messages_read);
    same("bytes_read", seen.bytes_read, counted_.bytes_read);
    same("messages_overwritten", seen.messages_overwritten, counted_.messages_overwritten);
    same("bytes_truncated", seen.bytes_truncated, counted_.bytes_truncated);
    same("messages_cleared", seen.messages_cleared, counted_.messages_cleared);
    same("reader_parks", seen.reader_parks, counted_.reader_parks);
    same("writer_parks", seen.writer_parks, counted_.writer_parks);
    same("interrupted", seen.interrupted, counted_.interrupted);
    if (gauges.copies == 0) {
        demand(seen.messages_written == seen.messages_read + gauges.queued_messages +
                                            seen.messages_overwritten + seen.messages_cleared,
               "written = read + queued + overwritten + cleared at a quiet moment");
    }

    demand(after.settings == settings_, "settings change by configure only");
    demand(after.mask == mask(), "readable: a message waits; writable: a write would not park");
    check_queue(after);
    check_lists(after);
    check_shares(after);
}

void Ledger::check_shares(const Snapshot& after) const {
    std::size_t operations = 0;
    for (const Share& share : after.shares) {
        demand(share == share_of(share.user), "a user's parked calls and copies are counted");
        operations += share.parked + share.copies;
    }
    demand(operations == waiting_.size() + copies(), "each is of a user, and counted once");
}

void Ledger::check_queue(const Snapshot& after) const {
    demand(std::equal(after.queue.begin(), after.queue.end(), line_.begin(), line_.end(),
                      [](const Queued& queued, const Stretch& stretch) {
                          return queued.message == stretch.message &&
                                 queued.begin == stretch.begin && queued.end == stretch.end;
                      }),
           "the queue holds the bytes of the line, in order");
}

void Ledger::check_lists(const Snapshot& after) const {
    const auto listed = [&](Operation operation, const std::vector<std::size_t>& list) {
        std::size_t at = 0;
        for (const std::size_t client : waiting_) {
            if (clients_[client].operation == operation &&
                (at == list.size() || list[at++] != client)) {
                return false;
            }
        }
        return at == list.size();
    };
    demand(listed(Operation::read, after.readers), "parked readers are listed as they came");
    demand(listed(Operation::write, after.writers), "parked writers are listed as they came");
}

} // namespace ipcdev::test
