// SPDX-License-Identifier: MIT
//
// How a blocked sample ends early: by Ctrl-C, because a helper process failed, or
// because its time is over. A blocked call then gets EINTR, again and again until
// somebody asks here why; so a signal that came just before the call is not lost.
#pragma once

#include <sys/types.h>

#include <stdexcept>
#include <string>

namespace ipcdev::bench::interruption {

// Ctrl-C, SIGTERM or SIGHUP: the whole run ends.
struct Stopped : std::runtime_error {
    explicit Stopped(int signal) : std::runtime_error("interrupted"), signal_number(signal) {}
    int signal_number;
};

// Once, before the first sample. Handlers are inherited by fork, but a helper's are
// reset by whoever starts it (tests/support/process.h).
void install();

// Throws if the sample has to end.
void check();

// In a helper: tells the measuring process that it waits in vain.
void helper_failed(pid_t measuring_process);
// In the measuring process, before a sample.
void forget_failures();

// After a call that returned -1: returns if it is to be tried again, throws otherwise.
void retry_or_throw(const std::string& what);

} // namespace ipcdev::bench::interruption
