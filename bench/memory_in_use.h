// SPDX-License-Identifier: MIT
//
// How much memory is taken: by a process, and by everybody.
#pragma once

#include <sys/types.h>

namespace ipcdev::bench {

// VmRSS of a process; 0 if it is gone.
[[nodiscard]] double resident_bytes(pid_t process);

// MemAvailable of the machine.
[[nodiscard]] double available_bytes();

} // namespace ipcdev::bench
