// SPDX-License-Identifier: MIT
//
// What can be asked of a live device, against what the core says. Each returns
// what differs, as lines; empty if nothing does.
#pragma once

#include <string>
#include <vector>

#include "live.h"

namespace ipcdev::differential {

[[nodiscard]] std::string compare_mask(Live& live, const Snapshot& expected);
[[nodiscard]] std::string compare_info(Live& live, const Snapshot& expected);
// The counters' growth since `before`.
[[nodiscard]] std::string compare_stats(Live& live, const Snapshot& expected,
                                        const ipcdev_stats& before);
// `calls`: what each client called last.
[[nodiscard]] std::string compare_waiters(Live& live, const Snapshot& expected,
                                          const std::vector<Step>& calls, const Names& names);

} // namespace ipcdev::differential
