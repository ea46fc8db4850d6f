// SPDX-License-Identifier: MIT
#include "trace_fold.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <utility>

namespace ipcdev::test {

namespace {

// A name that ends in a number, as C12.
struct Numbered {
    std::string_view stem;
    std::uint64_t number = 0;
};

bool split_number(std::string_view name, Numbered& numbered) {
    std::size_t digits = name.size();
    while (digits > 0 && std::isdigit(static_cast<unsigned char>(name[digits - 1])) != 0) {
        --digits;
    }
    if (digits == name.size() || digits == 0) {
        return false;
    }
    numbered = {.stem = name.substr(0, digits),
                .number = std::stoull(std::string(name.substr(digits)))};
    return true;
}

std::string range_text(const std::string& first, const std::string& last) {
    return first == last ? first : first + ".." + last;
}

// An output line, as the clients first..last and what they have in common.
struct Folded {
    std::string first;
    std::string last;
    std::string rest;

    explicit Folded(const std::string& line) {
        const std::size_t colon = line.find(": ");
        first = last = colon == std::string::npos ? "" : line.substr(0, colon);
        rest = line.substr(first.size());
    }
    [[nodiscard]] bool extends(const Folded& before) const {
        Numbered mine;
        Numbered other;
        return rest == before.rest && split_number(first, mine) &&
               split_number(before.last, other) && mine.stem == other.stem &&
               mine.number == other.number + 1;
    }
    [[nodiscard]] std::string text() const { return range_text(first, last) + rest; }
};

} // namespace

std::vector<std::string> names_in(std::string_view range) {
    const std::size_t dots = range.find("..");
    Numbered from;
    Numbered to;
    if (dots == std::string_view::npos || !split_number(range.substr(0, dots), from) ||
        !split_number(range.substr(dots + 2), to) || from.stem != to.stem ||
        from.number > to.number) {
        throw std::invalid_argument("not a range of clients: " + std::string(range));
    }
    std::vector<std::string> names;
    for (std::uint64_t number = from.number; number <= to.number; ++number) {
        names.emplace_back(from.stem).append(std::to_string(number));
    }
    return names;
}

std::vector<std::string> folded(const std::vector<std::string>& lines) {
    std::vector<Folded> parts;
    for (const std::string& line : lines) {
        Folded next(line);
        if (!parts.empty() && next.extends(parts.back())) {
            parts.back().last = next.last;
        } else {
            parts.push_back(std::move(next));
        }
    }
    std::vector<std::string> texts(parts.size());
    std::transform(parts.begin(), parts.end(), texts.begin(), std::mem_fn(&Folded::text));
    return texts;
}

void Crowd::add(const std::string& name, std::vector<std::string> outputs) {
    for (std::string& line : outputs) {
        if (line.compare(0, name.size() + 1, name + ':') == 0) {
            line.erase(0, name.size());
        }
    }
    if (outputs != same_) {
        flush();
        same_ = std::move(outputs);
        first_ = name;
    }
    last_ = name;
}

std::vector<std::string> Crowd::lines() {
    flush();
    return std::move(lines_);
}

void Crowd::flush() {
    const std::string name = range_text(first_, last_);
    for (const std::string& line : same_) {
        lines_.push_back(line[0] == ':' ? name + line : line);
    }
    same_.clear();
}

} // namespace ipcdev::test
