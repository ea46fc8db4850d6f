// SPDX-License-Identifier: MIT
//
// A trace file: named scenarios of inputs and of what they must make happen.
//
//   scenario A short read leaves the rest for the next one
//   contract R3 R4
//   device mode=fifo depth=4 max_message=16
//   B: write "hello"
//       B: done 5
//       edge: readable
//       poll: readable writable
//   A: read 2
//       A: done 2 "he"
//
// Inputs start a line, the outputs of an input follow it, indented. `#` starts a
// comment. `contract` names the clauses of docs/contract.md that the scenario is
// about; each of tests/core/traces has one, and what a program writes has none.
// `device` may be left out for the default settings; it takes other limits too, as
// `operations=3 per_user=2 copies=1`. The words of inputs and outputs are in
// trace_words.h; `C1..C9: read 1` is an input for each of nine clients, and `info`,
// `stats` and `waiters` ask what can be seen.
//
// Only the file's shape is known here; a trace_player.h runs a scenario.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "device.h"

namespace ipcdev::test {

struct Step {
    std::vector<std::string> before{}; // comments and empty lines
    std::string input{};
    std::vector<std::string> outputs{}; // without their indentation
    int line = 0;
};

struct Scenario {
    std::vector<std::string> before{};
    std::string name{};    // a sentence
    std::string clauses{}; // the words after `contract`, or empty
    std::vector<std::string> comments{};
    std::string device{}; // the words after `device`, or empty
    Settings settings{};
    Limits limits{};
    std::vector<Step> steps{};
    int line = 0;
};

struct Trace {
    std::vector<Scenario> scenarios;
    std::vector<std::string> after; // comments and empty lines at the end
};

// Throws std::invalid_argument with the line's number in it.
[[nodiscard]] Trace parse_trace(std::istream& in);
// The inverse: a file that was formatted once stays as it is.
[[nodiscard]] std::string trace_text(const Trace& trace);

// The lines of one scenario from its name on, with `outputs` (one list for each
// step) in place of its own where they differ, marked - and +.
[[nodiscard]] std::string difference_text(const Scenario& scenario,
                                          const std::vector<std::vector<std::string>>& outputs);

} // namespace ipcdev::test
