// SPDX-License-Identifier: MIT
//
// A device that hangs can't hang the tests. When a test's time is over the
// handler of SIGALRM
//   1. names the test and kills every process that it has started, the server of
//      the device included: whoever waits for one of them, or for the device, goes
//      on and fails. A system call of the tests themselves ends with EINTR;
//   2. if the test has not ended after some grace (children may be in
//      uninterruptible sleep behind somebody else's server), ends the program with
//      status 3.
#pragma once

#include <sys/types.h>

#include <chrono>

namespace ipcdev::test::watchdog {

struct Limits {
    std::chrono::milliseconds test;  // of one test
    std::chrono::milliseconds grace; // from the killing to the end of the program
};

// Once, before the first test.
void install(const Limits& wanted);

void arm(const char* test_name); // must stay valid until disarm()
void disarm();

// The time of the armed test is over, or was when it was disarmed.
[[nodiscard]] bool expired();

// The processes to kill.
void add(pid_t child);
void remove(pid_t child);

} // namespace ipcdev::test::watchdog
