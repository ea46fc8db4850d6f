// SPDX-License-Identifier: MIT
//
// What a run found, as JSON: what the table, the plots, the comparer and the targets
// are made from. bench/results.py reads it.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "measure.h"
#include "options.h"
#include "runner.h"

namespace ipcdev::bench {

// A unit in words: that of a value of the measure, given what the clock counts.
[[nodiscard]] std::string unit_of(const Measure& measure, bool instructions);

[[nodiscard]] nlohmann::ordered_json result_of(const Options& options, const Placement& placement,
                                               const Peers& peers,
                                               const std::vector<Measure>& measures,
                                               const std::vector<Cell>& cells);

// As a file, of some lines that can be read.
[[nodiscard]] std::string file_text_of(const nlohmann::ordered_json& result);

} // namespace ipcdev::bench
