// SPDX-License-Identifier: MIT
#include "step.h"

#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "device_engine.h"
#include "trace_player.h"

namespace ipcdev::differential {

namespace {

constexpr std::string_view live_prefix = "# live: ";
constexpr std::string_view bad_suffix = " from a bad buffer";

[[noreturn]] void refuse(const std::string& what) {
    throw std::invalid_argument("not for a live device: " + what);
}

bool is_for_a_live_device(const Input& input) {
    return (input.verb != Verb::cancel || input.error == EINTR) && bytes_of(input) <= longest_call;
}

bool only_looks(std::string_view input) {
    const auto parts = words(input);
    return parts[0] == "info" || parts[0] == "stats" || parts[0] == "waiters";
}

void add_comments(const std::vector<std::string>& comments, Names& names, Steps& steps) {
    for (const std::string_view comment : comments) {
        if (comment.starts_with(live_prefix) && comment.ends_with(bad_suffix)) {
            const auto call = comment.substr(
                live_prefix.size(), comment.size() - live_prefix.size() - bad_suffix.size());
            steps.push_back({.input = parse_input(call, names).input, .bad_buffer = true});
        }
    }
}

// The end of a copy belongs to the read before it.
void end_copy(const Input& input, bool held, Steps& steps) {
    if (!held || steps.empty() || steps.back().input.client != input.client) {
        refuse("a copy that does not end at once");
    }
    steps.back().bad_buffer = input.verb == Verb::fault;
}

// Those that are open between two steps.
class Opens {
  public:
    // Did the step open one?
    bool note(const Step& step) {
        const std::size_t open = step.input.open;
        if (step.input.verb == Verb::close) {
            numbers_.erase(open);
        }
        return (is_call(step) || step.input.verb == Verb::open) && numbers_.insert(open).second;
    }

  private:
    std::set<std::size_t> numbers_;
};

} // namespace

std::string step_text(const Step& step, const Names& names) {
    const bool reads = step.input.verb == Verb::read;
    return input_text(step.input, names) +
           (step.bad_buffer ? (reads ? " into a bad buffer" : std::string(bad_suffix)) : "");
}

std::string trace_of(const std::string& name, const Settings& settings, const Steps& steps,
                     const Names& names) {
    Scenario scenario{.name = name, .device = settings_text(settings), .settings = settings};
    std::vector<std::string> comments;
    Opens opens;
    for (const Step& step : steps) {
        const bool opened = opens.note(step);
        if (step.bad_buffer && step.input.verb == Verb::write) {
            if (opened) { // as a comment does not
                const Input open{.verb = Verb::open, .open = step.input.open};
                scenario.steps.push_back(
                    {.before = std::exchange(comments, {}), .input = input_text(open, names)});
            }
            comments.push_back(std::string("# live: ") + step_text(step, names));
            continue;
        }
        scenario.steps.push_back({.before = std::exchange(comments, {}),
                                  .input = input_text(step.input, names, step.bad_buffer)});
        if (step.bad_buffer) {
            const Input fault{.verb = Verb::fault, .client = step.input.client};
            scenario.steps.push_back({.input = input_text(fault, names)});
        }
    }
    const auto outputs = play(scenario, make_device_engine);
    for (std::size_t index = 0; index < outputs.size(); ++index) {
        scenario.steps[index].outputs = outputs[index];
    }
    return trace_text({.scenarios = {scenario}, .after = comments});
}

Steps steps_of(const Scenario& scenario, Names& names) {
    Steps steps;
    bool held = false; // the last step's copy is still to end
    for (const auto& written : scenario.steps) {
        add_comments(written.before, names, steps);
        if (only_looks(written.input)) {
            continue;
        }
        if (words(written.input)[0].find("..") != std::string_view::npos) {
            refuse(written.input);
        }
        const Line line = parse_input(written.input, names);
        if (line.input.verb == Verb::copied || line.input.verb == Verb::fault) {
            end_copy(line.input, std::exchange(held, false), steps);
            continue;
        }
        if (held || !is_for_a_live_device(line.input)) {
            refuse(written.input);
        }
        steps.push_back({.input = line.input});
        held = line.held;
    }
    return steps;
}

} // namespace ipcdev::differential
