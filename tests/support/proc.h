// SPDX-License-Identifier: MIT
//
// What /proc tells of a process.
#pragma once

#include <sys/types.h>

#include <string>

namespace ipcdev::test {

// The value of a line of a file in /proc/PID, as that of "Threads" in "status";
// empty if there is none.
[[nodiscard]] std::string proc_line(pid_t pid, const std::string& file, const std::string& name);

// The number of the system call that a thread sleeps in; "running" if in none,
// and empty if this kernel does not tell.
[[nodiscard]] std::string system_call_of(pid_t thread);

} // namespace ipcdev::test
