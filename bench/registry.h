// SPDX-License-Identifier: MIT
//
// All peers, in the order in which tables show them.
#pragma once

#include <vector>

#include "peers/peers.h"

namespace ipcdev::bench {

// Throws if a device can't be opened.
[[nodiscard]] Peers all_peers(const std::vector<ServedDevice>& devices);

// What ratios are ratios of.
inline constexpr auto yardstick = "pipe";

} // namespace ipcdev::bench
