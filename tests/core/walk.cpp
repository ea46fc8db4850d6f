// SPDX-License-Identifier: MIT
//
// After an input that does not change the state (a refused call, an open) the next one is
// tried on the same device; so it is after one that another input undoes (a parked call
// that is cancelled, a read whose copy faults). Only an input that leads to another state
// costs a replay.
#include "walk.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "scenario_text.h"
#include "trace_words.h"

namespace ipcdev::test {

Walk::Walk(WalkPlan plan, EngineMaker make) : plan_(std::move(plan)), make_(std::move(make)) {
    alphabet_ = {{.verb = Verb::clear}};
    for (std::size_t open = 0; open < plan_.opens; ++open) {
        alphabet_.push_back({.verb = Verb::close, .open = open});
    }
    for (const SettingsChange& change : plan_.changes) {
        alphabet_.push_back({.verb = Verb::configure, .change = change});
    }
    for (std::size_t client = 0; client < plan_.clients; ++client) {
        for (const std::size_t user : plan_.users) {
            for (const bool nonblocking : {true, false}) {
                add_reads(client, user, nonblocking);
                add_writes(client, user, nonblocking);
            }
        }
        cancels_.push_back(static_cast<Letter>(alphabet_.size()));
        alphabet_.push_back({.verb = Verb::cancel, .client = client});
        alphabet_.push_back({.verb = Verb::cancel, .client = client, .error = ENODEV});
        alphabet_.push_back({.verb = Verb::copied, .client = client});
        faults_.push_back(static_cast<Letter>(alphabet_.size()));
        alphabet_.push_back({.verb = Verb::fault, .client = client});
    }
}

void Walk::add_reads(std::size_t client, std::size_t user, bool nonblocking) {
    for (std::size_t open = 0; open < plan_.opens; ++open) {
        const Input read{.verb = Verb::read,
                         .client = client,
                         .open = open,
                         .nonblocking = nonblocking,
                         .user = user};
        for (const std::uint64_t count : plan_.counts) {
            alphabet_.push_back(read);
            alphabet_.back().count = count;
        }
        for (const std::uint64_t count : plan_.batch_counts) {
            alphabet_.push_back(read);
            alphabet_.back().count = count;
            alphabet_.back().batch = true;
        }
    }
}

void Walk::add_writes(std::size_t client, std::size_t user, bool nonblocking) {
    const Input write{.verb = Verb::write,
                      .client = client,
                      .open = plan_.opens,
                      .nonblocking = nonblocking,
                      .user = user};
    for (const std::uint32_t size : plan_.sizes) {
        alphabet_.push_back(write);
        alphabet_.back().payload.resize(size, '?');
    }
    for (const std::vector<std::uint32_t>& sizes : plan_.batch_sizes) {
        alphabet_.push_back(write);
        alphabet_.back().batch = true;
        for (const std::uint32_t size : sizes) {
            alphabet_.back().frames.emplace_back(size, '?');
        }
    }
}

// For a device that has its opens and is otherwise new.
Ledger Walk::first_ledger() const {
    Ledger ledger(plan_.settings, plan_.clients, plan_.limits);
    const std::unique_ptr<Engine> engine = make_(plan_.settings, plan_.limits);
    Outcome outcome;
    Snapshot snapshot;
    for (std::size_t open = 0; open <= plan_.opens; ++open) {
        const Input input{.verb = Verb::open, .open = open};
        engine->apply(input, outcome);
        engine->look(snapshot);
        if (const auto breach = ledger.follow(input, outcome, snapshot)) {
            throw std::logic_error(*breach);
        }
    }
    return ledger;
}

WalkReport Walk::run() {
    first_ = first_ledger();
    states_.emplace(key_.of(first_, look(travel({}))), 0);
    nodes_.push_back({});
    for (State state = 0; state < nodes_.size() && report_.counterexample.empty(); ++state) {
        expand(state);
    }
    report_.states = nodes_.size();
    report_.depth = nodes_.back().depth;
    return report_;
}

void Walk::expand(State state) {
    const std::vector<Letter> way = way_to(state);
    Traveller traveller = travel({});
    Ledger arrived = first_;
    for (const Letter letter : way) {
        if (!step(traveller, arrived, letter)) {
            return;
        }
    }
    const std::string key = key_.of(arrived, look(traveller));
    if (states_.at(key) != state) {
        throw std::logic_error("the key leaves out something that matters");
    }
    Ledger here = arrived; // the traveller's, which may have left the state and returned
    Ledger there = arrived;
    for (std::size_t index = 0; index < alphabet_.size(); ++index) {
        const auto letter = static_cast<Letter>(index);
        if (!applies(alphabet_[index], here)) {
            continue;
        }
        there = here;
        ++report_.transitions;
        if (!step(traveller, there, letter)) {
            return;
        }
        if (arrive(key_.of(there, snapshot_), state, letter) == state ||
            take_back(traveller, there, letter, key)) {
            std::swap(here, there);
        } else if (report_.counterexample.empty()) {
            traveller = travel(way);
            here = arrived;
        } else {
            return;
        }
    }
}

// Whether the input led back to the state with that key.
bool Walk::take_back(Traveller& traveller, Ledger& ledger, Letter letter, const std::string& key) {
    const Verb verb = alphabet_[letter].verb;
    const std::size_t client = alphabet_[letter].client;
    const auto doing = ledger.clients()[client].doing;
    if ((verb != Verb::read && verb != Verb::write) || doing == Ledger::Doing::nothing) {
        return false;
    }
    const Letter back = (doing == Ledger::Doing::parked ? cancels_ : faults_)[client];
    return step(traveller, ledger, back) && key_.of(ledger, snapshot_) == key;
}

// The state with that key, recorded if it is new.
Walk::State Walk::arrive(const std::string& key, State from, Letter letter) {
    const auto known = states_.find(key);
    if (known != states_.end()) {
        return known->second;
    }
    const auto state = static_cast<State>(nodes_.size());
    const auto depth = static_cast<std::uint16_t>(nodes_[from].depth + 1);
    states_.emplace(key, state);
    nodes_.push_back({.parent = from, .letter = letter, .depth = depth});
    return state;
}

// False, and a counterexample in the report, if a law is broken.
bool Walk::step(Traveller& traveller, Ledger& ledger, Letter letter) {
    const Input& input = stamped(traveller, letter);
    return follow(traveller, ledger, input) &&
           (input.verb != Verb::close ||
            follow(traveller, ledger, {.verb = Verb::open, .open = input.open}));
}

bool Walk::follow(Traveller& traveller, Ledger& ledger, const Input& input) {
    traveller.engine->apply(input, outcome_);
    std::optional<std::string> breach = ledger.follow(input, outcome_, look(traveller));
    if (const std::string complaint = traveller.engine->complaint(); !complaint.empty()) {
        breach = complaint;
    }
    if (breach) {
        report(traveller, *breach);
    }
    return !breach;
}

const Snapshot& Walk::look(const Traveller& traveller) {
    traveller.engine->look(snapshot_);
    return snapshot_;
}

std::vector<Walk::Letter> Walk::way_to(State state) const {
    std::vector<Letter> way;
    for (State at = state; at != 0; at = nodes_[at].parent) {
        way.push_back(nodes_[at].letter);
    }
    std::reverse(way.begin(), way.end());
    return way;
}

Walk::Traveller Walk::travel(const std::vector<Letter>& way) {
    Traveller traveller{.engine = make_(plan_.settings, plan_.limits)};
    traveller.way.reserve(way.size() + alphabet_.size());
    for (std::size_t open = 0; open <= plan_.opens; ++open) {
        traveller.engine->apply({.verb = Verb::open, .open = open}, outcome_);
    }
    for (const Letter letter : way) {
        const Input& input = stamped(traveller, letter);
        traveller.engine->apply(input, outcome_);
        if (input.verb == Verb::close) {
            traveller.engine->apply({.verb = Verb::open, .open = input.open}, outcome_);
        }
    }
    return traveller;
}

static void stamp(std::string& payload, std::uint32_t& messages) {
    char byte = static_cast<char>('a' + messages++ * payload.size() % 23);
    std::generate(payload.begin(), payload.end(), [&] { return byte++; });
}

// The letter as an input; a write gets bytes that no other message has.
const Input& Walk::stamped(Traveller& traveller, Letter letter) {
    Input& input = alphabet_[letter];
    traveller.way.push_back(letter);
    if (input.verb == Verb::write) {
        stamp(input.payload, traveller.messages);
        for (std::string& payload : input.frames) {
            stamp(payload, traveller.messages);
        }
    }
    return input;
}

// Opens that have begun nothing and have no calls are equivalent: only the first is tried.
bool Walk::is_worth_trying(std::size_t open, const Ledger& ledger) {
    const auto is_blank = [&](std::size_t other) {
        return ledger.opens()[other].begun.empty() && !ledger.is_busy(other);
    };
    if (is_blank(open)) {
        for (std::size_t other = 0; other < open; ++other) {
            if (is_blank(other)) {
                return false;
            }
        }
    }
    return true;
}

// Idle clients are equivalent: only the first is tried.
bool Walk::applies(const Input& input, const Ledger& ledger) const {
    const auto& clients = ledger.clients();
    const auto doing = clients[input.client].doing;
    const auto idle = [](const Ledger::Client& client) {
        return client.doing == Ledger::Doing::nothing;
    };
    switch (input.verb) {
    case Verb::close:
        return !ledger.is_busy(input.open) && is_worth_trying(input.open, ledger);
    case Verb::clear:
    case Verb::configure:
        return true;
    case Verb::copied:
    case Verb::fault:
        return doing == Ledger::Doing::copying;
    case Verb::cancel:
        if (doing != Ledger::Doing::nothing) {
            return true;
        }
        [[fallthrough]];
    default: {
        const auto first = std::find_if(clients.begin(), clients.end(), idle);
        return first - clients.begin() == static_cast<std::ptrdiff_t>(input.client) &&
               (input.verb != Verb::read || is_worth_trying(input.open, ledger));
    }
    }
}

void Walk::report(const Traveller& traveller, const std::string& law) {
    std::vector<Input> inputs;
    Traveller again;
    for (std::size_t open = 0; open <= plan_.opens; ++open) {
        inputs.push_back({.verb = Verb::open, .open = open});
    }
    for (const Letter letter : traveller.way) {
        inputs.push_back(stamped(again, letter));
        if (inputs.back().verb == Verb::close) {
            inputs.push_back({.verb = Verb::open, .open = inputs.back().open});
        }
    }
    report_.counterexample = scenario_text(law, plan_.settings, plan_.limits, inputs, make_);
}

std::string Walk::alphabet_text() const {
    const Names names;
    std::string text;
    for (const Input& input : alphabet_) {
        const bool others = input.client != 0 || (input.verb != Verb::write && input.open != 0);
        text += others ? "" : (text.empty() ? "" : ", ") + input_text(input, names);
    }
    return text;
}

} // namespace ipcdev::test
