// SPDX-License-Identifier: MIT
//
// A daemon that hangs can't hang the tests. When a test's time is over the
// handler of SIGALRM
//   1. names the test and kills every process that it has started: whoever
//      waits for one of them, or for a device that it serves, goes on and fails;
//   2. if the test has not ended some seconds later, ends the program.
#pragma once

#include <sys/types.h>

namespace ipcdev::daemon_tests::watchdog {

void install();
void arm(const char* test_name); // must stay valid until disarm()
void disarm();

// The time of the armed test is over.
[[nodiscard]] bool expired();

// The processes to kill.
void add(pid_t child);
void remove(pid_t child);

} // namespace ipcdev::daemon_tests::watchdog
