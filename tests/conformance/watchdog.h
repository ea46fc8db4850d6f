// SPDX-License-Identifier: MIT
//
// A server that hangs can't hang the suite.
//
// The suite's own process never touches the device: all calls are made by
// child processes. When a test's time is over, SIGALRM's handler
//   1. names the test and kills every child, the server included if it is ours:
//      whatever the test waited for then fails, and the test with it;
//   2. if the test has not ended some seconds later (children in uninterruptible
//      sleep behind somebody else's server), ends the suite. The result file is
//      valid at any time, so nothing is left to write.
#pragma once

#include <sys/types.h>

namespace ipcdev::conformance::watchdog {

void install();
void arm(const char* test_name); // must stay valid until disarm()
void disarm();

// Has the armed watchdog killed the children?
[[nodiscard]] bool expired();

// The children it kills.
void add(pid_t child);
void remove(pid_t child);

} // namespace ipcdev::conformance::watchdog
