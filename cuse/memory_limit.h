// SPDX-License-Identifier: MIT
//
// The most memory held for messages, in MiB: queued ones, begun ones and those of parked
// calls, with their headers and the calls themselves. Beyond that a write gets ENOMEM. The
// figure is also in --help and ipcdevd(8), and below MemoryMax of the systemd unit: a test
// compares them.
#pragma once

#include <cstddef>

namespace ipcdev {

inline constexpr std::size_t held_mib_max = 512;
// The part of it for the parked calls themselves.
inline constexpr std::size_t calls_mib_max = 2;

} // namespace ipcdev
