// SPDX-License-Identifier: MIT
#include "table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace ipcdev::bench {

namespace {

using Json = nlohmann::ordered_json;

// Notes below a table, each said once.
class Notes {
  public:
    // "[a]" for the note.
    std::string mark(const std::string& note) {
        auto found = std::ranges::find(notes_, note);
        if (found == notes_.end()) {
            notes_.push_back(note);
            found = notes_.end() - 1;
        }
        return letter(found - notes_.begin());
    }
    [[nodiscard]] std::string text() const {
        std::string all;
        for (std::size_t i = 0; i < notes_.size(); ++i) {
            all.append("  ").append(letter(static_cast<std::ptrdiff_t>(i)));
            all.append(" ").append(notes_[i]).append("\n");
        }
        return all;
    }

  private:
    static std::string letter(std::ptrdiff_t number) {
        constexpr int letters = 26;
        std::string name(1, static_cast<char>('a' + number % letters));
        if (number >= letters) {
            name += std::to_string(number / letters);
        }
        return "[" + name + "]";
    }

    std::vector<std::string> notes_;
};

std::string with_digits(double number, int digits) {
    std::string text(32, '\0');
    const int length = std::snprintf(text.data(), text.size(), "%.*f", digits, number);
    text.resize(static_cast<std::size_t>(length));
    return text;
}

std::string number(double value) {
    constexpr double million = 1e6;
    if (value >= 10 * million) {
        return with_digits(value / million, 1) + "M";
    }
    return with_digits(value, value >= 100 || value == std::floor(value) ? 0 : 2);
}

// Half the way between the quartiles, in per cent of the median.
std::string spread(const Json& figure) {
    const double median = figure["median"];
    const double half = (figure["high"].get<double>() - figure["low"].get<double>()) / 2;
    return median == 0 ? "" : " ±" + with_digits(100 * half / median, 0) + "%";
}

std::string text_of_cell(const Json& cell, Notes& notes) {
    if (cell.contains("not_measured")) {
        return "- " + notes.mark(cell["not_measured"]);
    }
    std::string text = number(cell["value"]["median"]) + spread(cell["value"]);
    if (cell.contains("ratio")) {
        text += " x" + with_digits(cell["ratio"]["median"], 2);
    }
    return text;
}

std::string heading_of(const Json& measure, const Json& cell) {
    const std::string parameter = measure["parameter"];
    return parameter.empty() ? std::to_string(cell["bytes"].get<std::size_t>()) + " B"
                             : parameter + " " + std::to_string(cell.value("parameter", 0U));
}

// Counts characters, not bytes.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string padded(const std::string& text, std::size_t to) {
    return text + std::string(to > width(text) ? to - width(text) : 0, ' ');
}

using Rows = std::vector<std::vector<std::string>>;

std::string lines_of(const Rows& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width(row[i]));
        }
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line = " ";
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += " " + padded(row[i], widths[i] + 1);
        }
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return text;
}

// What else was seen in one case: that of 64 bytes, or the first.
std::string details_of(const Json& measure, const Json& result) {
    constexpr std::size_t usual_bytes = 64;
    const Json* one = nullptr;
    for (const auto& cell : result["cells"]) {
        const bool has_details = cell["measure"] == measure["name"] && cell.contains("details") &&
                                 !cell["details"].empty();
        if (has_details &&
            (one == nullptr || ((*one)["bytes"] != usual_bytes && cell["bytes"] == usual_bytes))) {
            one = &cell;
        }
    }
    if (one == nullptr) {
        return {};
    }
    Rows rows{{heading_of(measure, *one)}};
    for (const auto& [name, figure] : (*one)["details"].items()) {
        rows.front().push_back(name);
    }
    for (const auto& cell : result["cells"]) {
        const bool is_of_case = cell["measure"] == measure["name"] && cell.contains("details") &&
                                heading_of(measure, cell) == rows.front().front();
        if (!is_of_case || cell["details"].empty()) {
            continue;
        }
        std::vector<std::string> row{cell["peer"]};
        for (std::size_t i = 1; i < rows.front().size(); ++i) {
            const auto found = cell["details"].find(rows.front()[i]);
            row.push_back(found == cell["details"].end() ? "" : number((*found)["median"]));
        }
        rows.push_back(std::move(row));
    }
    return "\n" + lines_of(rows);
}

std::string table_of(const Json& measure, const Json& result) {
    Rows rows{{"peer"}};
    Notes notes;
    for (const auto& cell : result["cells"]) {
        if (cell["measure"] != measure["name"]) {
            continue;
        }
        const std::string heading = heading_of(measure, cell);
        if (std::ranges::find(rows.front(), heading) == rows.front().end()) {
            rows.front().push_back(heading);
        }
        const std::string peer = cell["peer"];
        auto row = std::ranges::find_if(rows, [&](const auto& r) { return r.front() == peer; });
        if (row == rows.end()) {
            row = rows.insert(rows.end(), {peer});
        }
        row->push_back(text_of_cell(cell, notes));
    }
    const std::string details = details_of(measure, result);
    const std::string better = measure["higher_is_better"] ? "more" : "less";
    return measure["name"].get<std::string>() + ": " + measure["what"].get<std::string>() + "; " +
           measure["unit"].get<std::string>() + ", " + better + " is better\n" + lines_of(rows) +
           notes.text() + details + "\n";
}

} // namespace

std::string text_of(const Json& result) {
    const auto text = [&](const char* key) { return result[key].get<std::string>(); };
    const Json& machine = result["machine"];
    std::string all = text("program") + (text("label").empty() ? "" : ", " + text("label")) +
                      "\nunit: " + text("unit") + "\nplacement: " + text("placement") +
                      ", processors " + result["processors"].dump() +
                      "\nmachine: " + machine["processor"].get<std::string>() + ", " +
                      machine["processors"].dump() + " processors, Linux " +
                      machine["kernel"].get<std::string>() + "\nfigures: the median of " +
                      result["repetitions"].dump() +
                      " samples, ± half the distance of their quartiles, x its ratio to " +
                      text("yardstick") + "\n";
    if (result["brief"]) {
        all += "a brief run: these figures only show that it works\n";
    }
    all += "\n";
    for (const auto& measure : result["measures"]) {
        all += table_of(measure, result);
    }
    return all;
}

} // namespace ipcdev::bench
