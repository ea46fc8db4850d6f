// SPDX-License-Identifier: MIT
//
// Plays the steps of a scenario on an engine and writes down what came out, in
// the words of the trace. The engine can be any: a trace doesn't know which one.
//
// An open that a scenario does not open is opened by the first call that comes by it.
// `poll: readable` is what poll says now to an open that has begun nothing, `poll F: readable`
// what it says to F where that is another.
#pragma once

#include <map>
#include <set>

#include "trace.h"
#include "trace_words.h"

namespace ipcdev::test {

class Player {
  public:
    // The engine begins as an idle device of those settings.
    explicit Player(Engine& engine) : engine_(engine) {}

    // The outputs of the next input. Throws std::invalid_argument if it can't be
    // read, std::logic_error if it makes no sense now.
    [[nodiscard]] std::vector<std::string> play(const std::string& input);

  private:
    std::vector<std::string> play_one(const std::string& input);
    void prepare(const Line& line);
    void show_masks(const Input& input, const Outcome& outcome, std::vector<std::string>& lines);
    std::vector<std::string> play_range(std::string_view clients, const std::string& rest);
    void finish_copies(const Outcome& outcome);
    [[nodiscard]] std::string info_text(const std::vector<std::string_view>& wanted);
    [[nodiscard]] std::string stats_text(const std::vector<std::string_view>& wanted);
    [[nodiscard]] std::string waiters_text();

    Engine& engine_;
    Names names_;
    std::set<std::size_t> held_;                // clients whose copy takes its time
    std::map<std::size_t, std::string> called_; // what each client called last
    std::map<std::size_t, std::size_t> by_;     // by which open
    std::set<std::size_t> opens_;
    PollMask shown_{.readable = false, .writable = true};
    // What it was for opens that may have begun something.
    std::map<std::size_t, PollMask> shown_to_;
};

// The outputs of every step, in order.
[[nodiscard]] std::vector<std::vector<std::string>> play(const Scenario& scenario,
                                                         const EngineMaker& make);

} // namespace ipcdev::test
