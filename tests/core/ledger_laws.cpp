// SPDX-License-Identifier: MIT
//
// The laws that hold between two inputs, and the sums that they use.
#include <algorithm>
#include <utility>

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

bool Ledger::is_open(std::size_t open) const {
    return open < opens_.size() && opens_[open].is_open;
}

bool Ledger::is_busy(std::size_t open) const {
    return std::any_of(clients_.begin(), clients_.end(), [&](const Client& client) {
        return client.open == open && client.doing != Doing::nothing;
    });
}

std::size_t Ledger::age_rank(std::uint32_t message) const {
    const auto at = std::find_if(parcels_.begin(), parcels_.end(),
                                 [&](const Parcel& parcel) { return parcel.number == message; });
    return static_cast<std::size_t>(at - parcels_.begin());
}

void Ledger::drop_first(Fate fate) {
    const Stretch stretch = line_.front();
    line_.erase(line_.begin());
    settle(stretch.message, stretch.size(), fate);
}

// That many bytes of the message are gone. With the last one the message is counted.
void Ledger::settle(std::uint32_t message, std::uint32_t bytes, Fate fate) {
    Parcel& parcel = book(message);
    parcel.left -= bytes;
    if (parcel.left != 0) {
        return;
    }
    ++(fate == Fate::read          ? counted_.messages_read
       : fate == Fate::overwritten ? counted_.messages_overwritten
                                   : counted_.messages_cleared);
    settled_.push_back(message);
    std::erase_if(parcels_, [&](const Parcel& other) { return other.number == message; });
}

// Where a read gets its bytes.
const std::vector<Ledger::Stretch>& Ledger::source(const Client& reader) const {
    const std::vector<Stretch>& begun = opens_[reader.open].begun;
    return begun.empty() ? line_ : begun;
}

std::vector<Ledger::Stretch>& Ledger::source(const Client& reader) {
    return const_cast<std::vector<Stretch>&>(std::as_const(*this).source(reader));
}

static bool holds(const std::vector<Ledger::Stretch>& stretches, std::uint32_t message) {
    return std::any_of(stretches.begin(), stretches.end(),
                       [&](const Ledger::Stretch& stretch) { return stretch.message == message; });
}

// Bytes of the stretch are there.
static bool overlaps(const std::vector<Ledger::Stretch>& stretches,
                     const Ledger::Stretch& stretch) {
    return std::any_of(stretches.begin(), stretches.end(), [&](const Ledger::Stretch& other) {
        return other.message == stretch.message && other.begin < stretch.end &&
               stretch.begin < other.end;
    });
}

std::uint32_t Ledger::messages_in_line() const {
    return static_cast<std::uint32_t>(
        std::count_if(parcels_.begin(), parcels_.end(),
                      [&](const Parcel& parcel) { return holds(line_, parcel.number); }));
}

std::uint32_t Ledger::messages_begun() const {
    return static_cast<std::uint32_t>(
        std::count_if(parcels_.begin(), parcels_.end(), [&](const Parcel& parcel) {
            return std::any_of(opens_.begin(), opens_.end(), [&](const Opened& open) {
                return holds(open.begun, parcel.number);
            });
        }));
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

bool Ledger::idle() const {
    return line_.empty() && messages_begun() == 0 && waiting_.empty() && copies() == 0;
}

bool Ledger::has_room() const {
    return settings_.mode != Mode::fifo || messages_in_line() + messages_begun() < settings_.depth;
}

PollMask Ledger::mask(const std::vector<Stretch>& begun) const {
    return {.readable = !begun.empty() || !line_.empty(), .writable = has_room()};
}

void Ledger::check_nobody_is_stuck() const {
    for (const std::size_t index : waiting_) {
        demand(clients_[index].operation == Operation::write || source(clients_[index]).empty(),
               "no reader is parked beside bytes that it can have");
    }
    demand(!has_room() || waiting(Operation::write) == 0, "no writer is parked beside room");
}

void Ledger::check_edges(const PollMask& before, const Outcome& outcome) const {
    static const std::vector<Stretch> nothing;
    const auto& regained = regained_ == no_open ? nothing : opens_[regained_].begun;
    bool stays = std::any_of(returned_.begin(), returned_.end(), [&](const Stretch& stretch) {
        return overlaps(line_, stretch) || overlaps(regained, stretch);
    });
    for (const std::uint32_t message : joined_) {
        stays |= holds(line_, message);
    }
    demand(outcome.became_readable || !stays,
           "bytes that join the line, or come back, and stay make an edge");
    const bool left = std::any_of(served_.begin(), served_.end(),
                                  [this](std::size_t open) { return !opens_[open].begun.empty(); });
    demand(outcome.became_readable || !left,
           "what a parked read leaves makes an edge: now it is readable for its open");
    demand(!outcome.became_readable || stays || !regained.empty() || left,
           "what is handed straight to a reader, and what others leave, make no edge");
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
                              [](const Queued& queued) { return queued.spare; }) +
                std::count_if(after.begun.begin(), after.begun.end(),
                              [](const Begun& begun) { return begun.what.spare; });
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
    same("begun_messages", gauges.begun_messages, messages_begun());
    same("parked_readers", gauges.parked_readers, waiting(Operation::read));
    same("parked_writers", gauges.parked_writers, waiting(Operation::write));
    same("opens", gauges.opens,
         static_cast<std::uint64_t>(std::count_if(
             opens_.begin(), opens_.end(), [](const Opened& open) { return open.is_open; })));
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
                                            gauges.begun_messages + seen.messages_overwritten +
                                            seen.messages_cleared,
               "written = read + queued + begun + overwritten + cleared at a quiet moment");
    }

    demand(after.settings == settings_, "settings change by configure only");
    demand(after.mask == mask(), "readable: a message waits; writable: a write would not park");
    check_queue(after);
    check_opens(after);
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

static bool is_of(const Queued& queued, const Ledger::Stretch& stretch) {
    return queued.message == stretch.message && queued.begin == stretch.begin &&
           queued.end == stretch.end;
}

void Ledger::check_queue(const Snapshot& after) const {
    demand(std::equal(after.queue.begin(), after.queue.end(), line_.begin(), line_.end(), is_of),
           "the queue holds the bytes of the line, in order");
}

// For each open: its poll mask, what it has begun, and its parked reads.
void Ledger::check_opens(const Snapshot& after) const {
    auto mask = after.masks.begin();
    auto begun = after.begun.begin();
    auto reader = after.open_readers.begin();
    for (std::size_t open = 0; open < opens_.size(); ++open) {
        if (!opens_[open].is_open) {
            continue;
        }
        demand(mask != after.masks.end() && mask->open == open &&
                   mask++->mask == this->mask(opens_[open].begun),
               "readable: the open has begun a message, or one waits");
        for (const Stretch& stretch : opens_[open].begun) {
            demand(begun != after.begun.end() && begun->open == open &&
                       is_of(begun++->what, stretch),
                   "an open has what it has begun, in order");
        }
        for (const std::size_t index : waiting_) {
            const Client& client = clients_[index];
            demand(client.open != open || client.operation == Operation::write ||
                       (reader != after.open_readers.end() &&
                        *reader++ == OpenReader{.open = open, .client = index}),
                   "an open's parked reads are listed as they came");
        }
    }
    demand(mask == after.masks.end() && begun == after.begun.end() &&
               reader == after.open_readers.end(),
           "nothing is listed of what is not open");
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
