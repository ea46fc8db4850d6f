// SPDX-License-Identifier: MIT
//
// Shows a sequence of inputs as a scenario of the trace language, so that what a
// walk or a fuzzer finds can be read, and pasted into a trace file.
#pragma once

#include "engine.h"

namespace ipcdev::test {

// Plays the inputs on a new engine for their outputs.
[[nodiscard]] std::string scenario_text(const std::string& name, const Settings& settings,
                                        const Limits& limits, const std::vector<Input>& inputs,
                                        const EngineMaker& make);

} // namespace ipcdev::test
