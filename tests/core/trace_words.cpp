// SPDX-License-Identifier: MIT
//
// Two halves that must stay inverse to each other: parse_* and *_text.
#include "trace_words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>
#include <stdexcept>

#include "../support/errno_words.h"

namespace ipcdev::test {

namespace {

// Longer runs of one byte are written as "x"*count.
constexpr std::size_t longest_run = 24;

[[noreturn]] void unknown(std::string_view what, std::string_view text) {
    throw std::invalid_argument(std::string(what) + ": " + std::string(text));
}

std::uint64_t parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        unknown("not a number", text);
    }
    return value;
}

int parse_errno(std::string_view text) {
    if (const auto error = errno_of(text)) {
        return *error;
    }
    unknown("not an errno", text);
}

char parse_escape(std::string_view text, std::size_t& at) {
    switch (text[at]) {
    case 'n':
        return '\n';
    case 'x': {
        unsigned value = 0;
        const char* from = text.data() + at + 1;
        if (std::from_chars(from, std::min(from + 2, text.data() + text.size()), value, 16).ptr !=
            from + 2) {
            unknown("\\x wants two digits", text);
        }
        at += 2;
        return static_cast<char>(value);
    }
    default:
        return text[at];
    }
}

// "text" or "text"*count
std::string parse_payload(std::string_view text) {
    std::string payload;
    std::size_t at = 1;
    if (text.empty() || text[0] != '"') {
        unknown("not a quoted text", text);
    }
    for (; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) {
            payload += parse_escape(text, ++at);
        } else {
            payload += text[at];
        }
    }
    const std::string_view rest = at < text.size() ? text.substr(at + 1) : "?";
    if (!rest.empty() && rest[0] != '*') {
        unknown("not a quoted text", text);
    }
    std::string whole = rest.empty() ? payload : "";
    for (std::uint64_t left = rest.empty() ? 0 : parse_number(rest.substr(1)); left > 0; --left) {
        whole += payload;
    }
    return whole;
}

std::string quoted(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text = "\"";
    for (const char byte : bytes) {
        if (byte == '"' || byte == '\\') {
            text += {'\\', byte};
        } else if (byte == '\n') {
            text += "\\n";
        } else if (byte < ' ' || byte > '~') {
            const auto value = static_cast<unsigned char>(byte);
            text += {'\\', 'x', digits[value / 16], digits[value % 16]};
        } else {
            text += byte;
        }
    }
    return text + '"';
}

std::string payload_text(std::string_view bytes) {
    const bool run =
        bytes.size() > longest_run && bytes.find_first_not_of(bytes[0]) == std::string_view::npos;
    return run ? quoted(bytes.substr(0, 1)) + '*' + std::to_string(bytes.size()) : quoted(bytes);
}

Input parse_call(std::string_view verb, const std::vector<std::string_view>& arguments,
                 bool batch) {
    Input input{.batch = batch};
    const auto argument = [&](std::size_t index) {
        return index < arguments.size() ? arguments[index] : std::string_view();
    };
    if (verb == "read") {
        input.verb = Verb::read;
        input.count = parse_number(argument(0));
    } else if (verb == "write") {
        input.verb = Verb::write;
        if (batch) {
            std::transform(arguments.begin(), arguments.end(), std::back_inserter(input.frames),
                           parse_payload);
        } else {
            input.payload = parse_payload(argument(0));
        }
    } else if (verb == "cancel") {
        input.verb = Verb::cancel;
        input.error = arguments.empty() ? EINTR : parse_errno(argument(0));
    } else if (verb == "copied") {
        input.verb = Verb::copied;
    } else if (verb == "fault") {
        input.verb = Verb::fault;
    } else {
        unknown("a client can't do that", verb);
    }
    return input;
}

// The value of the word `name=value`, which is taken out.
std::optional<std::string_view> take_value(std::vector<std::string_view>& arguments,
                                           std::string_view name) {
    std::optional<std::string_view> value;
    std::erase_if(arguments, [&](std::string_view word) {
        const bool is = word.substr(0, name.size()) == name && word.size() > name.size() &&
                        word[name.size()] == '=';
        value = is ? word.substr(name.size() + 1) : value;
        return is;
    });
    return value;
}

// 0 without one.
std::uint64_t take_number(std::vector<std::string_view>& arguments, std::string_view name) {
    const auto value = take_value(arguments, name);
    return value ? parse_number(*value) : 0;
}

Line parse_client_input(std::string_view client, std::string_view verb,
                        std::vector<std::string_view> arguments, Names& names) {
    const auto flag = [&](std::string_view name) { return std::erase(arguments, name) != 0; };
    const bool nonblocking = flag("nonblock");
    const bool held = flag("held");
    const bool batch = flag("batch");
    const std::size_t user = take_number(arguments, "user");
    const auto open = take_value(arguments, "open");
    Line line{.input = parse_call(verb, arguments, batch), .held = held};
    const bool reads = line.input.verb == Verb::read;
    const bool writes = line.input.verb == Verb::write;
    const bool calls = reads || writes;
    const std::size_t most = batch && writes                            ? arguments.size()
                             : calls || line.input.verb == Verb::cancel ? 1
                                                                        : 0;
    if (arguments.size() > most || ((nonblocking || batch || user != 0 || open) && !calls) ||
        (held && !reads)) {
        unknown("too many words for", verb);
    }
    line.input.client = names.number(client);
    line.input.open = open ? names.number(*open) : line.input.client;
    line.input.nonblocking = nonblocking;
    line.input.user = user;
    return line;
}

std::string call_text(const Input& input, const Names& names, bool held) {
    std::string text;
    switch (input.verb) {
    case Verb::read:
        text = "read " + std::to_string(input.count);
        break;
    case Verb::write:
        text = "write";
        for (const std::string& payload : payloads_of(input)) {
            text += ' ' + payload_text(payload);
        }
        break;
    case Verb::cancel:
        return input.error == EINTR ? "cancel" : "cancel " + errno_text(input.error);
    case Verb::copied:
        return "copied";
    default:
        return "fault";
    }
    return text + (input.batch ? " batch" : "") + (input.nonblocking ? " nonblock" : "") +
           (held ? " held" : "") + (input.user == 0 ? "" : " user=" + std::to_string(input.user)) +
           (input.open == input.client ? "" : " open=" + names.name(input.open));
}

std::string mode_text(std::uint32_t mode) {
    return mode == IPCDEV_MODE_FIFO   ? "fifo"
           : mode == IPCDEV_MODE_SLOT ? "slot"
           : mode == IPCDEV_MODE_RING ? "ring"
                                      : std::to_string(mode);
}

std::string result_text(const Completion& ended) {
    if (ended.error != 0) {
        return errno_text(ended.error);
    }
    std::string text = "done " + std::to_string(ended.done);
    for (const Frame& frame : ended.frames) {
        text += (frame.remainder ? " remainder " : " ") + payload_text(frame.text);
    }
    const bool bytes = ended.operation == Operation::read && ended.done != 0;
    return text + (bytes && ended.frames.empty() ? ' ' + payload_text(ended.text) : "");
}

} // namespace

std::size_t Names::number(std::string_view name) {
    const auto known = numbers_.find(name);
    if (known != numbers_.end()) {
        return known->second;
    }
    numbers_.emplace(name, names_.size());
    names_.emplace_back(name);
    return names_.size() - 1;
}

std::string Names::name(std::size_t number) const {
    if (number < names_.size()) {
        return names_[number];
    }
    return number < 26 ? std::string(1, static_cast<char>('A' + number))
                       : "C" + std::to_string(number);
}

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> found;
    std::size_t at = 0;
    while ((at = text.find_first_not_of(' ', at)) != std::string_view::npos) {
        std::size_t end = at;
        for (bool inside = false; end < text.size() && (inside || text[end] != ' '); ++end) {
            if (text[end] == '\\' && inside && end + 1 < text.size()) {
                ++end;
            } else if (text[end] == '"') {
                inside = !inside;
            }
        }
        found.push_back(text.substr(at, end - at));
        at = end;
    }
    return found;
}

Line parse_input(std::string_view text, Names& names) {
    std::vector<std::string_view> parts = words(text);
    if (parts.empty()) {
        unknown("no input", text);
    }
    const std::string_view first = parts[0];
    if (first.size() > 1 && first.back() == ':' && parts.size() > 1) {
        const std::string_view verb = parts[1];
        parts.erase(parts.begin(), parts.begin() + 2);
        return parse_client_input(first.substr(0, first.size() - 1), verb, std::move(parts), names);
    }
    Line line;
    if (first == "configure") {
        line.input.verb = Verb::configure;
        line.input.change = parse_settings(text.substr(text.find(first) + first.size()));
    } else if (parts.size() == 2 && (first == "open" || first == "close")) {
        line.input.verb = first == "open" ? Verb::open : Verb::close;
        line.input.open = names.number(parts[1]);
    } else if (parts.size() == 1 && first == "clear") {
        line.input.verb = Verb::clear;
    } else {
        unknown("not an input", text);
    }
    return line;
}

std::string input_text(const Input& input, const Names& names, bool held) {
    switch (input.verb) {
    case Verb::open:
        return "open " + names.name(input.open);
    case Verb::close:
        return "close " + names.name(input.open);
    case Verb::clear:
        return "clear";
    case Verb::configure:
        return "configure " + settings_text(input.change);
    default:
        return names.name(input.client) + ": " + call_text(input, names, held);
    }
}

std::string mode_text(Mode mode) {
    return mode_text(static_cast<std::uint32_t>(mode));
}

std::vector<std::string> outcome_text(const Input& input, const Outcome& outcome,
                                      const Names& names) {
    std::vector<std::string> lines;
    for (const Completion& ended : outcome.completions) {
        lines.push_back(names.name(ended.client) + ": " + result_text(ended));
    }
    if (outcome.parked) {
        lines.push_back(names.name(input.client) + ": parked");
    }
    if (input.verb == Verb::cancel && !outcome.cancelled) {
        lines.push_back(names.name(input.client) + ": not parked");
    }
    if (input.verb == Verb::configure) {
        lines.push_back(outcome.error == 0 ? "done" : errno_text(outcome.error));
    }
    if (outcome.became_readable || outcome.became_writable) {
        lines.push_back("edge: " + mask_text({.readable = outcome.became_readable,
                                              .writable = outcome.became_writable}));
    }
    return lines;
}

std::string mask_text(const PollMask& mask) {
    return mask.readable ? (mask.writable ? "readable writable" : "readable")
                         : (mask.writable ? "writable" : "nothing");
}

SettingsChange parse_settings(std::string_view text) {
    SettingsChange change;
    for (const std::string_view word : words(text)) {
        const std::size_t equals = word.find('=');
        const std::string_view name = word.substr(0, equals);
        if (equals == std::string_view::npos) {
            unknown("not a setting", word);
        }
        const std::string_view value = word.substr(equals + 1);
        if (name == "mode") {
            change.mode = value == "fifo"   ? IPCDEV_MODE_FIFO
                          : value == "slot" ? IPCDEV_MODE_SLOT
                          : value == "ring" ? IPCDEV_MODE_RING
                                            : static_cast<std::uint32_t>(parse_number(value));
        } else if (name == "depth") {
            change.depth = static_cast<std::uint32_t>(parse_number(value));
        } else if (name == "max_message") {
            change.max_message = static_cast<std::uint32_t>(parse_number(value));
        } else {
            unknown("not a setting", word);
        }
    }
    return change;
}

std::string settings_text(const SettingsChange& change) {
    std::string text;
    const auto add = [&](const char* name, const std::string& value) {
        text += (text.empty() ? "" : " ") + std::string(name) + "=" + value;
    };
    if (change.mode != 0) {
        add("mode", mode_text(change.mode));
    }
    if (change.depth != 0) {
        add("depth", std::to_string(change.depth));
    }
    if (change.max_message != 0) {
        add("max_message", std::to_string(change.max_message));
    }
    return text;
}

std::string settings_text(const Settings& settings) {
    return settings_text(SettingsChange{.mode = static_cast<std::uint32_t>(settings.mode),
                                        .depth = settings.depth,
                                        .max_message = settings.max_message});
}

Limits parse_limits(std::string& text) {
    Limits limits;
    std::vector<std::string_view> parts = words(text);
    const auto take = [&](std::string_view name, std::uint32_t& limit) {
        const auto number = static_cast<std::uint32_t>(take_number(parts, name));
        limit = number == 0 ? limit : number;
    };
    take("operations", limits.operations);
    take("per_user", limits.per_user);
    take("copies", limits.copies);
    std::string rest;
    for (const std::string_view part : parts) {
        rest.append(" ").append(part);
    }
    text = rest;
    return limits;
}

std::string limits_text(const Limits& limits) {
    const Limits usual;
    std::string text;
    const auto add = [&](const char* name, std::uint32_t limit, std::uint32_t as_ever) {
        text += limit == as_ever ? "" : std::string(" ") + name + "=" + std::to_string(limit);
    };
    add("operations", limits.operations, usual.operations);
    add("per_user", limits.per_user, usual.per_user);
    add("copies", limits.copies, usual.copies);
    return text;
}

} // namespace ipcdev::test
