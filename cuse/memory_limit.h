// SPDX-License-Identifier: MIT
//
// What is held for messages at most, in MiB: those that are queued or begun and those of
// parked calls, their headers, and the calls. Beyond, a write gets ENOMEM. Also in --help and
// ipcdevd(8), and below MemoryMax of the systemd unit: a test compares them.
#pragma once

#include <cstddef>

namespace ipcdev {

inline constexpr std::size_t held_mib_max = 512;
// Of it, for parked calls themselves.
inline constexpr std::size_t calls_mib_max = 2;

} // namespace ipcdev
