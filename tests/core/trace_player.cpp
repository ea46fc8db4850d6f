// SPDX-License-Identifier: MIT
//
// One line in, its outputs out.
#include "trace_player.h"

#include <algorithm>
#include <stdexcept>
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
    const std::size_t client = line.input.client;
    Outcome outcome;
    engine_.apply(line.input, outcome);
    if (line.input.verb == Verb::read || line.input.verb == Verb::write) {
        called_[client] = (line.input.verb == Verb::read ? "read " : "write ") +
                          std::to_string(bytes_of(line.input)) + (line.input.batch ? " batch" : "");
        held_.erase(client);
    }
    if (line.held) {
        held_.insert(client);
    }
    std::vector<std::string> lines = outcome_text(line.input, outcome, names_);
    if (engine_.mask() != shown_) {
        shown_ = engine_.mask();
        lines.push_back("poll: " + mask_text(shown_));
    }
    finish_copies(outcome);
    return lines;
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
                       {{"mode", now.settings.mode == Mode::fifo ? "fifo" : "slot"},
                        {"depth", number(now.settings.depth)},
                        {"max_message", number(now.settings.max_message)},
                        {"queued_messages", number(now.gauges.queued_messages)},
                        {"queued_bytes", number(now.gauges.queued_bytes)},
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
