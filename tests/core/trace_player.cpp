// SPDX-License-Identifier: MIT
//
// One line in, its outputs out.
#include "trace_player.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "trace_fold.h"

namespace ipcdev::test {

namespace {

using Fields = std::vector<std::pair<const char*, std::string>>;

// `name=value` for all fields, or for those that are wanted.
std::string fields_text(const std::string& title, const Fields& fields,
                        const std::vector<std::string_view>& wanted) {
    std::string text = title;
    for (const std::string_view name : wanted) {
        if (std::none_of(fields.begin(), fields.end(),
                         [&](const auto& field) { return field.first == name; })) {
            throw std::invalid_argument("there is no " + std::string(name));
        }
    }
    for (const auto& [name, value] : fields) {
        if (wanted.empty() || std::count(wanted.begin(), wanted.end(), name) != 0) {
            text.append(" ").append(name).append("=").append(value);
        }
    }
    return text;
}

} // namespace

std::vector<std::string> Player::play(const std::string& input) {
    const std::vector<std::string_view> parts = words(input);
    const std::vector<std::string_view> wanted(parts.empty() ? parts.end() : parts.begin() + 1,
                                               parts.end());
    const std::string_view first = parts.empty() ? std::string_view() : parts[0];
    if (first == "info") {
        return {info_text(wanted)};
    }
    if (first == "stats") {
        return {stats_text(wanted)};
    }
    if (first == "waiters" && wanted.empty()) {
        return {waiters_text()};
    }
    if (first.find("..") != std::string_view::npos && first.back() == ':') {
        return play_range(first.substr(0, first.size() - 1), input.substr(first.size()));
    }
    return folded(play_one(input));
}

std::vector<std::string> Player::play_one(const std::string& input) {
    const Line line = parse_input(input, names_);
    Outcome outcome;
    prepare(line);
    engine_.apply(line.input, outcome);
    std::vector<std::string> lines = outcome_text(line.input, outcome, names_);
    show_masks(line.input, outcome, lines);
    finish_copies(outcome);
    return lines;
}

void Player::prepare(const Line& line) {
    const auto& [verb, client, open] =
        std::tie(line.input.verb, line.input.client, line.input.open);
    if (verb == Verb::open) {
        opens_.insert(open);
    } else if (verb == Verb::close) {
        opens_.erase(open);
    } else if (verb == Verb::read || verb == Verb::write) {
        if (opens_.insert(open).second) {
            Outcome nothing;
            engine_.apply({.verb = Verb::open, .open = open}, nothing);
        }
        called_[client] = (verb == Verb::read ? "read " : "write ") +
                          std::to_string(bytes_of(line.input)) + (line.input.batch ? " batch" : "");
        by_[client] = open;
        held_.erase(client);
    }
    if (line.held) {
        held_.insert(client);
    }
}

// What poll says now, where it is not what was shown last.
void Player::show_masks(const Input& input, const Outcome& outcome,
                        std::vector<std::string>& lines) {
    const PollMask before = std::exchange(shown_, engine_.mask(no_open));
    if (shown_ != before) {
        lines.push_back("poll: " + mask_text(shown_));
    }
    if (input.verb == Verb::fault) {
        shown_to_.try_emplace(by_.at(input.client), before);
    }
    for (const Completion& ended : outcome.completions) {
        if (ended.operation == Operation::read && ended.error == 0) {
            shown_to_.try_emplace(by_.at(ended.client), before);
        }
    }
    for (auto shown = shown_to_.begin(); shown != shown_to_.end();) {
        const PollMask mask = engine_.mask(shown->first);
        const bool changed = mask != std::exchange(shown->second, mask);
        if (shown_ == before ? changed : mask != shown_) {
            lines.push_back("poll " + names_.name(shown->first) + ": " + mask_text(mask));
        }
        shown = mask.readable ? std::next(shown) : shown_to_.erase(shown);
    }
}

void Player::finish_copies(const Outcome& outcome) {
    for (const Completion& ended : outcome.completions) {
        const bool bytes = ended.operation == Operation::read && ended.done != 0;
        if (bytes && !held_.contains(ended.client)) {
            Outcome nothing;
            engine_.apply({.verb = Verb::copied, .client = ended.client}, nothing);
            if (!nothing.completions.empty() || nothing.became_readable ||
                nothing.became_writable) {
                throw std::logic_error("the end of a copy made something happen");
            }
        }
    }
}

// C1..C9 do the same, one after the other.
std::vector<std::string> Player::play_range(std::string_view clients, const std::string& rest) {
    Crowd crowd;
    for (const std::string& name : names_in(clients)) {
        std::string input = name;
        input.append(":").append(rest);
        crowd.add(name, folded(play_one(input)));
    }
    return crowd.lines();
}

std::string Player::info_text(const std::vector<std::string_view>& wanted) {
    Snapshot now;
    engine_.look(now);
    const auto number = [](std::uint64_t value) { return std::to_string(value); };
    return fields_text("info:",
                       {{"mode", mode_text(now.settings.mode)},
                        {"depth", number(now.settings.depth)},
                        {"max_message", number(now.settings.max_message)},
                        {"queued_messages", number(now.gauges.queued_messages)},
                        {"queued_bytes", number(now.gauges.queued_bytes)},
                        {"begun_messages", number(now.gauges.begun_messages)},
                        {"parked_readers", number(now.gauges.parked_readers)},
                        {"parked_writers", number(now.gauges.parked_writers)},
                        {"opens", number(now.gauges.opens)}},
                       wanted);
}

std::string Player::stats_text(const std::vector<std::string_view>& wanted) {
    Snapshot now;
    engine_.look(now);
    const Statistics& counted = now.statistics;
    const auto number = [](std::uint64_t value) { return std::to_string(value); };
    Fields fields{{"messages_written", number(counted.messages_written)},
                  {"bytes_written", number(counted.bytes_written)},
                  {"messages_read", number(counted.messages_read)},
                  {"bytes_read", number(counted.bytes_read)},
                  {"messages_overwritten", number(counted.messages_overwritten)},
                  {"bytes_truncated", number(counted.bytes_truncated)},
                  {"messages_cleared", number(counted.messages_cleared)},
                  {"reader_parks", number(counted.reader_parks)},
                  {"writer_parks", number(counted.writer_parks)},
                  {"interrupted", number(counted.interrupted)}};
    if (wanted.empty()) {
        std::erase_if(fields, [](const auto& field) { return field.second == "0"; });
    }
    return fields.empty() ? "stats: all 0" : fields_text("stats:", fields, wanted);
}

std::string Player::waiters_text() {
    Snapshot now;
    engine_.look(now);
    std::vector<std::size_t> clients = now.readers;
    clients.insert(clients.end(), now.writers.begin(), now.writers.end());
    std::string text;
    for (const std::size_t client : clients) {
        text += (text.empty() ? " " : ", ") + names_.name(client) + ' ' + called_[client];
    }
    return "waiters:" + (text.empty() ? " none" : text);
}

std::vector<std::vector<std::string>> play(const Scenario& scenario, const EngineMaker& make) {
    const std::unique_ptr<Engine> engine = make(scenario.settings, scenario.limits);
    Player player(*engine);
    std::vector<std::vector<std::string>> outputs;
    for (const Step& step : scenario.steps) {
        try {
            outputs.push_back(player.play(step.input));
        } catch (const std::exception& wrong) {
            throw std::runtime_error("line " + std::to_string(step.line) + ": " + step.input +
                                     ": " + wrong.what());
        }
    }
    return outputs;
}

} // namespace ipcdev::test
