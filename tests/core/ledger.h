// SPDX-License-Identifier: MIT
//
// The laws of the contract, checked after every input by accounting for every byte.
//
// The ledger predicts nothing. It follows what an engine reports and records where each
// byte is: with a parked writer, in the line, with the open that has begun its message,
// being copied, or gone, and why. It names the law that a report breaks:
//   - bytes leave the line only at its front, each of them once;
//   - the rest of a message goes only to the open that has begun it. When that open is
//     closed, the rest becomes the first in the line; a ring drops it;
//   - bytes that return after a fault are the next ones for their open; a message of which
//     nothing was read becomes the first in the line;
//   - parked calls are served in order of arrival, and no newcomer overtakes them; what an
//     open has begun goes to its own parked reads before anything goes to others;
//   - no call parks or fails if it could proceed;
//   - a fifo admits messages while fewer than depth are in the line or begun; a ring always
//     admits, and drops the oldest in the line if there are more than depth;
//   - the operations parked and copying, in all and of one user, stay within the limits,
//     except for the few copies that are always let in;
//   - completed beats cancelled; a call that ends early takes nothing and leaves nothing,
//     except for the messages of a batch that were already admitted;
//   - a batch read gets every message that is there and fits; if other readers came
//     earlier, only what its open has begun;
//   - the messages of a batch write are admitted as soon as there is room, and no other
//     writer's come between them;
//   - a message is retired once, when its last byte is gone; a spare piece is returned once;
//   - pollers get an edge when bytes joined the line and stay there, when bytes returned to
//     an open and stay there, and when a full fifo got room, and at no other time;
//   - poll masks, gauges, lists and all counters agree with the books.
//
// A ledger can be copied, and the copy continues from the same state.
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
        bool spare = false; // while copying: it came from a spare piece

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
        std::uint32_t message = 0;           // write: number of the first one
        std::size_t admitted = 0;            // write: how many of them
        std::vector<Stretch> taken{};        // copying
    };

    struct Opened {
        bool is_open = false;
        std::vector<Stretch> begun{}; // in the order in which it reads them
    };

    // An admitted message with at least one byte left somewhere.
    struct Parcel {
        std::uint32_t number = 0;
        std::string payload{};
        std::uint32_t left = 0; // bytes that wait or are being copied
        bool cleared = false;   // admitted before the last CLEAR
    };

    Ledger(const Settings& settings, std::size_t clients, const Limits& limits = {})
        : settings_(settings), limits_(limits), clients_(clients) {}

    // Records one input and its outcome. Returns the law that they break, as a sentence, or
    // nothing. After a breach the ledger can't be used any more.
    [[nodiscard]] std::optional<std::string> follow(const Input& input, const Outcome& outcome,
                                                    const Snapshot& after);

    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] const std::vector<Client>& clients() const { return clients_; }
    [[nodiscard]] const std::vector<Stretch>& line() const { return line_; }
    [[nodiscard]] const std::vector<std::size_t>& waiting() const { return waiting_; }
    [[nodiscard]] const Parcel& parcel(std::uint32_t message) const;
    // In order of admission.
    [[nodiscard]] const std::vector<Parcel>& parcels() const { return parcels_; }
    [[nodiscard]] bool idle() const;
    // Indexed by number.
    [[nodiscard]] const std::vector<Opened>& opens() const { return opens_; }
    [[nodiscard]] bool is_open(std::size_t open) const;
    // Whether one of its calls is parked or copying.
    [[nodiscard]] bool is_busy(std::size_t open) const;
    // How many of parcels() were admitted before this message.
    [[nodiscard]] std::size_t age_rank(std::uint32_t message) const;

  private:
    // Inputs.
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

    // Outcomes.
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

    // The books.
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

    // Laws that hold between any two inputs.
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
    std::vector<Opened> opens_;        // indexed by number
    std::vector<std::size_t> waiting_; // parked clients, in order of arrival
    Statistics counted_;
    std::uint32_t messages_ = 0;    // in all writes so far, which is how the engine numbers them
    std::uint32_t spares_ = 0;      // spare pieces that the device holds
    std::vector<Stretch> returned_; // by this input
    std::vector<std::uint32_t> joined_;  // the line, by this input
    std::size_t regained_ = no_open;     // the open that got bytes back, by this input
    std::vector<std::size_t> served_;    // the opens whose parked reads this input served
    std::vector<std::uint32_t> settled_; // messages gone, by this input
};

} // namespace ipcdev::test
