// SPDX-License-Identifier: MIT
//
// A result as text for people: a table a measure, a row a peer, a column a case.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace ipcdev::bench {

[[nodiscard]] std::string text_of(const nlohmann::ordered_json& result);

} // namespace ipcdev::bench
