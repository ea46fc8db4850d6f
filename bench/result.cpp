// SPDX-License-Identifier: MIT
#include "result.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>

#include "registry.h"
#include "statistics.h"

namespace ipcdev::bench {

namespace {

using Json = nlohmann::ordered_json;

constexpr int format_version = 1;

std::string processor_model() {
    std::ifstream lines("/proc/cpuinfo");
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("model name")) {
            return line.substr(line.find(':') + 2);
        }
    }
    return "unknown";
}

Json machine() {
    utsname system{};
    uname(&system);
    return {{"processor", processor_model()},
            {"processors", sysconf(_SC_NPROCESSORS_ONLN)},
            {"kernel", system.release},
            {"root", geteuid() == 0}};
}

// More digits would say nothing, and fill the file.
double tidy(double value) {
    constexpr double digits = 1e4;
    if (value == 0) {
        return 0;
    }
    const double scale = std::pow(10.0, std::floor(std::log10(std::abs(value)))) / digits;
    return scale < 1 ? std::round(value / scale) / std::round(1 / scale) : std::round(value);
}

Json json_of(const std::vector<double>& samples) {
    const Figure figure = figure_of(samples);
    return {{"median", tidy(figure.median)},
            {"low", tidy(figure.low)},
            {"high", tidy(figure.high)},
            {"min", tidy(figure.min)},
            {"max", tidy(figure.max)}};
}

std::vector<double> values_of(const Cell& cell) {
    std::vector<double> values;
    std::ranges::transform(cell.samples, std::back_inserter(values), &Sample::value);
    return values;
}

// Repetition by repetition, so that the ratio has a spread of its own.
std::optional<Json> ratio_of(const Cell& cell, const std::vector<Cell>& cells) {
    const auto same_case = [&](const Cell& other) {
        return other.peer == yardstick && other.measure == cell.measure &&
               other.what.bytes == cell.what.bytes && other.what.parameter == cell.what.parameter;
    };
    const auto pipe = std::ranges::find_if(cells, same_case);
    if (pipe == cells.end() || pipe->samples.size() != cell.samples.size()) {
        return {};
    }
    std::vector<double> ratios;
    for (std::size_t i = 0; i < cell.samples.size(); ++i) {
        if (pipe->samples[i].value == 0) {
            return {};
        }
        ratios.push_back(cell.samples[i].value / pipe->samples[i].value);
    }
    return json_of(ratios);
}

Json details_of(const Cell& cell) {
    Json details = Json::object();
    for (const auto& [name, first] : cell.samples.front().details) {
        std::vector<double> values;
        for (const auto& sample : cell.samples) {
            values.push_back(sample.details.at(name));
        }
        details[name] = json_of(values);
    }
    return details;
}

Json json_of(const Cell& cell, const std::vector<Cell>& cells) {
    Json json{{"measure", cell.measure}, {"peer", cell.peer}, {"bytes", cell.what.bytes}};
    if (cell.what.parameter != 0) {
        json["parameter"] = cell.what.parameter;
    }
    if (cell.samples.empty()) {
        json["not_measured"] = cell.not_measured;
        json["failed"] = cell.failed;
        return json;
    }
    json["iterations"] = cell.iterations;
    json["value"] = json_of(values_of(cell));
    for (const double value : values_of(cell)) {
        json["value"]["samples"].push_back(tidy(value));
    }
    if (const auto ratio = ratio_of(cell, cells)) {
        json["ratio"] = *ratio;
    }
    json["details"] = details_of(cell);
    return json;
}

// A line a cell, so that a difference between two results can be read.
std::string lines_of(const Json& list) {
    std::string text;
    for (const auto& item : list) {
        text += (text.empty() ? "\n  " : ",\n  ") + item.dump();
    }
    return "[" + text + "\n ]";
}

} // namespace

std::string file_text_of(const Json& result) {
    std::string text;
    for (const auto& [key, value] : result.items()) {
        const bool is_long = key == "peers" || key == "measures" || key == "cells";
        text.append(text.empty() ? "{\n " : ",\n ").append(Json(key).dump()).append(": ");
        text.append(is_long ? lines_of(value) : value.dump());
    }
    return text + "\n}\n";
}

std::string unit_of(const Measure& measure, bool instructions) {
    if (measure.unit == "time") {
        return instructions ? "instructions" : "ns";
    }
    if (measure.unit == "rate") {
        return instructions ? "messages per 10^9 instructions" : "messages/s";
    }
    return measure.unit;
}

nlohmann::ordered_json result_of(const Options& options, const Placement& placement,
                                 const Peers& peers, const std::vector<Measure>& measures,
                                 const std::vector<Cell>& cells) {
    Json result{{"format", format_version},
                {"program", "ipcdev-bench " IPCDEV_VERSION},
                {"label", options.label},
                {"unit", options.instructions ? "instructions" : "ns"},
                {"brief", options.brief},
                {"repetitions", options.repetitions},
                {"placement", name_of(placement.spread())},
                {"processors", {placement.here(), placement.there()}},
                {"machine", machine()},
                {"yardstick", yardstick}};
    for (const auto& peer : peers) {
        result["peers"].push_back({{"name", peer.name}, {"what", peer.what}});
    }
    for (const auto& measure : measures) {
        result["measures"].push_back({{"name", measure.name},
                                      {"what", measure.what},
                                      {"unit", unit_of(measure, options.instructions)},
                                      {"higher_is_better", measure.higher_is_better},
                                      {"parameter", measure.parameter}});
    }
    for (const auto& cell : cells) {
        result["cells"].push_back(json_of(cell, cells));
    }
    return result;
}

} // namespace ipcdev::bench
