// SPDX-License-Identifier: MIT
//
// What a command has to say, for people as aligned text or for programs as JSON.
// Both have the names of uapi/ipcdev.h.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "uapi/ipcdev.h"

namespace ipcdev {

struct Field {
    std::string name;
    nlohmann::ordered_json value; // a number, a string, or an array of strings
    std::string unit = {};        // empty where the name says it
};

// One thing: a line a field, or an object.
using Record = std::vector<Field>;

[[nodiscard]] Record record_of(const std::string& path, const ipcdev_info& info);
[[nodiscard]] Record record_of(const ipcdev_stats& stats);
// `now_ns` is CLOCK_MONOTONIC.
[[nodiscard]] Record record_of(const ipcdev_waiter& waiter, std::uint64_t now_ns);

[[nodiscard]] std::string text_of(const Record& record);
[[nodiscard]] std::string json_of(const Record& record);

// Many of one kind: a line each under a heading, or an array of objects.
[[nodiscard]] std::string text_of(const std::vector<Record>& records);
[[nodiscard]] std::string json_of(const std::vector<Record>& records);

} // namespace ipcdev
