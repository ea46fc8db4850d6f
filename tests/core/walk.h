// SPDX-License-Identifier: MIT
//
// Visits every state that a few clients can bring a small device to, breadth first, and
// tries every input in each, under the laws of the ledger.
//
// A Device can't be copied, so a state is recreated by replaying the shortest path to it.
// States with the same key (walk_key.h) count as one. There are finitely many of these,
// and the walk ends when no input leads to a new one.
//
// Any client reads by any open, as threads and forks do. All are open from the start, and
// one that is closed is reopened at once. Writes use one more open, since it makes no
// difference which one they use.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine.h"
#include "ledger.h"
#include "walk_key.h"

namespace ipcdev::test {

struct WalkPlan {
    Settings settings{};
    std::size_t clients = 3;
    std::size_t opens = 2;                                 // to read by
    std::vector<std::uint64_t> counts{};                   // of reads
    std::vector<std::uint32_t> sizes{};                    // of writes
    std::vector<std::uint64_t> batch_counts{};             // of batch reads
    std::vector<std::vector<std::uint32_t>> batch_sizes{}; // of the messages of batch writes
    std::vector<SettingsChange> changes{};                 // of configure
    Limits limits{};
    std::vector<std::size_t> users{0}; // of each call
};

struct WalkReport {
    std::size_t states = 0;
    std::size_t transitions = 0;
    std::size_t depth = 0;      // inputs on the way to the farthest state
    std::string counterexample; // a scenario of the trace language, or empty
};

class Walk {
  public:
    Walk(WalkPlan plan, EngineMaker make);

    [[nodiscard]] WalkReport run();
    // The inputs that it tries, one word each, for the log.
    [[nodiscard]] std::string alphabet_text() const;

  private:
    using State = std::uint32_t;
    using Letter = std::uint16_t; // index into alphabet_

    struct Node {
        State parent = 0;
        Letter letter = 0;
        std::uint16_t depth = 0;
    };

    // A device, and the inputs that brought it to its present state.
    struct Traveller {
        std::unique_ptr<Engine> engine{};
        std::vector<Letter> way{};
        std::uint32_t messages = 0; // written so far, to give each one different bytes
    };

    void add_reads(std::size_t client, std::size_t user, bool nonblocking);
    void add_writes(std::size_t client, std::size_t user, bool nonblocking);
    [[nodiscard]] Ledger first_ledger() const;
    void expand(State state);
    [[nodiscard]] State arrive(const std::string& key, State from, Letter letter);
    bool take_back(Traveller& traveller, Ledger& ledger, Letter letter, const std::string& key);
    bool step(Traveller& traveller, Ledger& ledger, Letter letter);
    bool follow(Traveller& traveller, Ledger& ledger, const Input& input);
    [[nodiscard]] const Snapshot& look(const Traveller& traveller);
    [[nodiscard]] std::vector<Letter> way_to(State state) const;
    [[nodiscard]] Traveller travel(const std::vector<Letter>& way);
    [[nodiscard]] const Input& stamped(Traveller& traveller, Letter letter);
    [[nodiscard]] bool applies(const Input& input, const Ledger& ledger) const;
    [[nodiscard]] static bool is_worth_trying(std::size_t open, const Ledger& ledger);
    void report(const Traveller& traveller, const std::string& law);

    WalkPlan plan_;
    EngineMaker make_;
    std::vector<Input> alphabet_;
    std::vector<Letter> cancels_; // of each client, in alphabet_
    std::vector<Letter> faults_;
    std::vector<Node> nodes_;
    std::unordered_map<std::string, State> states_; // by key
    WalkReport report_;
    WalkKey key_;
    Ledger first_{{}, 0};
    Outcome outcome_; // of the last step, kept for its memory
    Snapshot snapshot_;
};

} // namespace ipcdev::test
