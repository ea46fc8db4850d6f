// SPDX-License-Identifier: MIT
//
// The laws of the contract, checked after every input by keeping books on bytes.
//
// The ledger predicts nothing. It follows what an engine reports, knows of every
// byte where it is (with a parked writer, in the line, with the open that has begun its
// message, being copied, gone and why) and says which law a report breaks:
//   - bytes leave the line at its front only, each once, none is left out;
//   - what is left of a message goes to the open that has begun it and to no other, until
//     that is closed; then it is the first in the line, or gone where the newest wins;
//   - bytes that come back from a fault are the next ones of their open; but a message of
//     which nothing is read is the first in the line;
//   - parked calls are served in order of arrival; a newcomer never overtakes; what an open
//     has begun goes to its own parked reads before anything goes to others;
//   - nobody is parked who could go on; nobody is turned away who could, too;
//   - a fifo admits until as many messages as depth are in the line or begun; a ring
//     always, and drops the oldest in the line if there are more than depth;
//   - no more is parked and copied, in all and by one user, than the limits say, but for
//     the few copies that are always let in;
//   - completed beats cancelled; an ended call takes and leaves nothing, but for
//     the messages of a batch that were in before;
//   - a batch read gives all that is there and fits, message by message; out of turn, all
//     that its open has begun and fits;
//   - the messages of a batch write come in one after the other, with nobody else's in
//     between, and as soon as there is room;
//   - a message is retired when its last byte is gone, and once; so is a spare;
//   - edges are given when bytes joined the line and stay, or came back to an open that
//     has some now, or a full fifo got room, and at no other time;
//   - poll masks, gauges, lists and every counter agree with the books.
//
// A ledger is a value: a copy goes on from the same moment.
#pragma once

#include <optional>

#include "engine.h"

namespace ipcdev::test {

class Ledger {
  public:
    enum class Doing : std::uint8_t { nothing, calling, parked, copying };

    struct Stretch {
        std::uint32_t message = 0;
        std::uint32_t begin = 0;
        std::uint32_t end = 0;
        bool spare = false; // copying: held by a spare piece

        [[nodiscard]] std::uint32_t size() const { return end - begin; }
    };

    struct Client {
        Doing doing = Doing::nothing;
        Operation operation = Operation::read;
        bool nonblocking = false;
        bool batch = false;
        std::size_t user = 0;
        std::size_t open = 0;
        std::uint64_t bytes = 0;             // asked for, or offered
        std::vector<std::string> payloads{}; // write
        std::uint32_t message = 0;           // write: number of the first of them
        std::size_t admitted = 0;            // write: so many of them
        std::vector<Stretch> taken{};        // copying
    };

    struct Opened {
        bool is_open = false;
        std::vector<Stretch> begun{}; // the next bytes first
    };

    // A message that was admitted and of which a byte is left somewhere.
    struct Parcel {
        std::uint32_t number = 0;
        std::string payload{};
        std::uint32_t left = 0; // bytes that wait or are being copied
        bool cleared = false;   // CLEAR came after it
    };

    Ledger(const Settings& settings, std::size_t clients, const Limits& limits = {})
        : settings_(settings), limits_(limits), clients_(clients) {}

    // Takes in one input and what came of it. The law that it broke, as a
    // sentence, or nothing; after a breach the ledger is of no more use.
    [[nodiscard]] std::optional<std::string> follow(const Input& input, const Outcome& outcome,
                                                    const Snapshot& after);

    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] const std::vector<Client>& clients() const { return clients_; }
    [[nodiscard]] const std::vector<Stretch>& line() const { return line_; }
    [[nodiscard]] const std::vector<std::size_t>& waiting() const { return waiting_; }
    [[nodiscard]] const Parcel& parcel(std::uint32_t message) const;
    // All that are not gone, in order of admission.
    [[nodiscard]] const std::vector<Parcel>& parcels() const { return parcels_; }
    [[nodiscard]] bool idle() const;
    // By their numbers.
    [[nodiscard]] const std::vector<Opened>& opens() const { return opens_; }
    [[nodiscard]] bool is_open(std::size_t open) const;
    // A call of it is parked or being copied.
    [[nodiscard]] bool is_busy(std::size_t open) const;
    // Messages that are not gone and were admitted before this one.
    [[nodiscard]] std::size_t age_rank(std::uint32_t message) const;

  private:
    // What goes in.
    void enter(const Input& input, const Outcome& outcome);
    void call(const Input& input);
    void open(std::size_t open);
    void close(std::size_t open);
    void copied(Client& client);
    void fault(Client& client);
    void give_back(std::size_t open, const Stretch& taken);
    void give_back_whole(const Parcel& parcel);
    void clear();
    void configure(const SettingsChange& change, int error);

    // What comes out.
    void complete(const Input& input, const Completion& completion);
    void fail(const Input& input, const Completion& completion);
    void cancelled(std::size_t index, int error);
    void refuse(const Client& client, const Completion& completion) const;
    void write(const Input& input, const Completion& completion);
    void admit_next(std::size_t index);
    void let_writers_in(const Input& input);
    void take(const Input& input, const Completion& completion);
    void take_bytes(Client& client, const Completion& completion);
    void take_frames(Client& client, const Completion& completion);
    [[nodiscard]] bool is_in_turn(const Client& reader) const;
    void take_front(Client& client, std::uint32_t bytes);
    void leave_waiting(std::size_t index);
    void must_be_next(std::size_t index) const;
    void stay(const Input& input, const Outcome& outcome);

    // Books.
    Parcel& book(std::uint32_t message);
    void drop_first(Fate fate);
    void settle(std::uint32_t message, std::uint32_t bytes, Fate fate);
    [[nodiscard]] std::vector<Stretch>& source(const Client& reader);
    [[nodiscard]] const std::vector<Stretch>& source(const Client& reader) const;
    [[nodiscard]] std::uint32_t messages_in_line() const;
    [[nodiscard]] std::uint32_t messages_begun() const;
    [[nodiscard]] std::uint32_t waiting(Operation operation) const;
    [[nodiscard]] std::uint32_t copies() const;
    [[nodiscard]] Share share_of(std::size_t user) const;
    [[nodiscard]] bool may_park(const Client& caller) const;
    [[nodiscard]] bool may_copy(const Client& caller) const;
    [[nodiscard]] bool has_room() const;
    [[nodiscard]] PollMask mask(const std::vector<Stretch>& begun = {}) const;

    // Laws of a moment between two inputs.
    void check_nobody_is_stuck() const;
    void check_edges(const PollMask& before, const Outcome& outcome) const;
    void check_given_back(const Outcome& outcome, const Snapshot& after);
    void check_snapshot(const Snapshot& after) const;
    void check_queue(const Snapshot& after) const;
    void check_opens(const Snapshot& after) const;
    void check_lists(const Snapshot& after) const;
    void check_shares(const Snapshot& after) const;

    Settings settings_;
    Limits limits_;
    std::vector<Client> clients_;
    std::vector<Parcel> parcels_;      // in order of admission
    std::vector<Stretch> line_;        // waiting to be read
    std::vector<Opened> opens_;        // by number
    std::vector<std::size_t> waiting_; // parked clients, in order of arrival
    Statistics counted_;
    std::uint32_t messages_ = 0;         // that writes brought, as the engine numbers them
    std::uint32_t spares_ = 0;           // spare pieces that the device holds
    std::vector<Stretch> returned_;      // this input: put back
    std::vector<std::uint32_t> joined_;  // this input: admitted
    std::size_t regained_ = no_open;     // this input: an open to which some were put back
    std::vector<std::uint32_t> settled_; // this input: gone
};

} // namespace ipcdev::test
