// SPDX-License-Identifier: MIT
//
// A line is an output if it is indented, else a comment, a scenario, its clauses, a
// device or an input. Comments belong to what follows them.
#include "trace.h"

#include <istream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "trace_words.h"

namespace ipcdev::test {

namespace {

constexpr std::string_view indentation = "    ";
constexpr std::string_view scenario_word = "scenario ";
constexpr std::string_view contract_word = "contract ";
constexpr std::string_view device_word = "device ";

std::string_view trimmed(std::string_view text) {
    const std::size_t from = text.find_first_not_of(" \t");
    const std::size_t to = text.find_last_not_of(" \t\r");
    return from == std::string_view::npos ? std::string_view() : text.substr(from, to - from + 1);
}

class Parser {
  public:
    void take(std::string_view raw, int number) {
        const std::string_view text = trimmed(raw);
        if (text.empty() || text[0] == '#') {
            pending_.emplace_back(text);
        } else if (raw[0] == ' ' || raw[0] == '\t') {
            output(text);
        } else if (text.substr(0, scenario_word.size()) == scenario_word) {
            trace_.scenarios.push_back(
                {.before = std::exchange(pending_, {}),
                 .name = std::string(trimmed(text.substr(scenario_word.size()))),
                 .line = number});
        } else if (text.substr(0, contract_word.size()) == contract_word) {
            contract(text.substr(contract_word.size()));
        } else if (text.substr(0, device_word.size()) == device_word) {
            device(text.substr(device_word.size()));
        } else {
            scenario().steps.push_back({.before = std::exchange(pending_, {}),
                                        .input = std::string(text),
                                        .line = number});
        }
    }

    Trace finish() {
        trace_.after = std::move(pending_);
        return std::move(trace_);
    }

  private:
    Scenario& scenario() {
        if (trace_.scenarios.empty()) {
            throw std::invalid_argument("nothing comes before the first scenario");
        }
        return trace_.scenarios.back();
    }

    void output(std::string_view text) {
        if (scenario().steps.empty() || !pending_.empty()) {
            throw std::invalid_argument("an output follows its input");
        }
        scenario().steps.back().outputs.emplace_back(text);
    }

    void contract(std::string_view text) {
        const Scenario& last = scenario();
        if (!pending_.empty() || !last.clauses.empty() || !last.device.empty() ||
            !last.steps.empty()) {
            throw std::invalid_argument("one contract line, next to the scenario's name");
        }
        scenario().clauses = trimmed(text);
    }

    void device(std::string_view text) {
        if (!scenario().device.empty() || !scenario().steps.empty()) {
            throw std::invalid_argument("one device line, before the first input");
        }
        scenario().comments = std::exchange(pending_, {});
        scenario().device = text;
        std::string words(text);
        scenario().limits = parse_limits(words);
        if (Device::apply(parse_settings(words), scenario().settings) != 0) {
            throw std::invalid_argument("settings that no device can have");
        }
    }

    Trace trace_;
    std::vector<std::string> pending_; // comments and empty lines
};

void add(std::string& text, std::string_view mark, std::string_view line) {
    text += mark;
    text += line;
    while (!text.empty() && text.back() == ' ') {
        text.pop_back();
    }
    text += '\n';
}

void add(std::string& text, std::string_view mark, const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
        add(text, mark, line);
    }
}

void add_outputs(std::string& text, std::string_view mark, const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
        add(text, mark, std::string(indentation) + line);
    }
}

void add_head(std::string& text, std::string_view mark, const Scenario& scenario) {
    add(text, mark, std::string(scenario_word) + scenario.name);
    if (!scenario.clauses.empty()) {
        add(text, mark, std::string(contract_word) + scenario.clauses);
    }
    add(text, mark, scenario.comments);
    if (!scenario.device.empty()) {
        add(text, mark, std::string(device_word) + scenario.device);
    }
}

} // namespace

Trace parse_trace(std::istream& in) {
    Parser parser;
    std::string raw;
    for (int number = 1; std::getline(in, raw); ++number) {
        try {
            parser.take(raw, number);
        } catch (const std::invalid_argument& wrong) {
            throw std::invalid_argument("line " + std::to_string(number) + ": " + wrong.what());
        }
    }
    return parser.finish();
}

std::string trace_text(const Trace& trace) {
    std::string text;
    for (const Scenario& scenario : trace.scenarios) {
        add(text, "", scenario.before);
        add_head(text, "", scenario);
        for (const Step& step : scenario.steps) {
            add(text, "", step.before);
            add(text, "", step.input);
            add_outputs(text, "", step.outputs);
        }
    }
    add(text, "", trace.after);
    return text;
}

std::string difference_text(const Scenario& scenario,
                            const std::vector<std::vector<std::string>>& outputs) {
    std::string text;
    add_head(text, "  ", scenario);
    for (std::size_t index = 0; index < outputs.size(); ++index) {
        const Step& step = scenario.steps[index];
        add(text, "  ", step.input);
        if (step.outputs == outputs[index]) {
            add_outputs(text, "  ", step.outputs);
        } else {
            add_outputs(text, "- ", step.outputs);
            add_outputs(text, "+ ", outputs[index]);
        }
    }
    return text;
}

} // namespace ipcdev::test
