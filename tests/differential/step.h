// SPDX-License-Identifier: MIT
//
// What a client does in one step, on a live device and on the core, and how it
// is written down: as a trace that the core's trace player plays too.
//
// A call opens its open first if that is not open; `open` and `close` are steps too.
//
// A read into a bad buffer is a read whose copy faults (`held`, then `fault`). A
// write from one never reaches a device, so a trace has it in a comment:
//
//   # live: A: write "text" from a bad buffer
#pragma once

#include <string>
#include <vector>

#include "engine.h"
#include "trace.h"
#include "trace_words.h"

namespace ipcdev::differential {

using namespace test; // the vocabulary of engines and traces

struct Step {
    Input input;
    bool bad_buffer = false; // read, write: the buffer is nobody's memory
};

using Steps = std::vector<Step>;

// Bytes that one call moves at most: more than any message, or batch, has.
constexpr std::size_t longest_call = 2 * std::size_t{IPCDEV_MESSAGE_MAX};

[[nodiscard]] constexpr bool is_call(const Step& step) {
    return step.input.verb == Verb::read || step.input.verb == Verb::write;
}

// For a person: `A: write "text" nonblock`.
[[nodiscard]] std::string step_text(const Step& step, const Names& names);

// What the core does with them, as a trace file of one scenario.
[[nodiscard]] std::string trace_of(const std::string& name, const Settings& settings,
                                   const Steps& steps, const Names& names);

// The inverse. Throws std::invalid_argument for what is not done to a live device
// here: a cancel with another errno than EINTR, a copy that takes its time, a range
// of clients, a longer call.
[[nodiscard]] Steps steps_of(const Scenario& scenario, Names& names);

} // namespace ipcdev::differential
