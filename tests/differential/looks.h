// SPDX-License-Identifier: MIT
//
// Compare what a live device reports with the core. Each returns what differs, as lines;
// empty if nothing does.
#pragma once

#include <string>
#include <vector>

#include "live.h"

namespace ipcdev::differential {

// What poll says to each of those opens; test::no_open is the tests' own.
[[nodiscard]] std::string compare_masks(Live& live, const Snapshot& expected,
                                        const std::vector<std::size_t>& opens, const Names& names);
[[nodiscard]] std::string compare_info(Live& live, const Snapshot& expected);
// The counters' growth since `before`.
[[nodiscard]] std::string compare_stats(Live& live, const Snapshot& expected,
                                        const ipcdev_stats& before);
// `calls`: what each client called last.
[[nodiscard]] std::string compare_waiters(Live& live, const Snapshot& expected,
                                          const std::vector<Step>& calls, const Names& names);

} // namespace ipcdev::differential
