// SPDX-License-Identifier: MIT
#include "scenario_text.h"

#include "trace_words.h"

namespace ipcdev::test {

std::string scenario_text(const std::string& name, const Settings& settings, const Limits& limits,
                          const std::vector<Input>& inputs, const EngineMaker& make) {
    const Names names;
    const std::unique_ptr<Engine> engine = make(settings, limits);
    std::string text =
        "scenario " + name + "\ndevice " + settings_text(settings) + limits_text(limits) + '\n';
    for (const Input& input : inputs) {
        const bool held = input.verb == Verb::read && input.count != 0;
        Outcome outcome;
        text += input_text(input, names, held) + '\n';
        engine->apply(input, outcome);
        for (const std::string& line : outcome_text(input, outcome, names)) {
            text += "    " + line + '\n';
        }
    }
    return text;
}

} // namespace ipcdev::test
