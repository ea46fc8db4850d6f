// SPDX-License-Identifier: MIT
//
// Keeps the device alive while the processes that serve it come and go.
//
//     keeper                     server
//     forks            ------>   undoes or finishes what its predecessor had begun, serves
//     waits                      is killed, at any instruction
//     forks            ------>   ...
//
// Both have the connection and the pages of the device (pages.h), and the kernel notices nothing:
// calls that are parked stay so, new ones wait for the next server. The keeper reads nothing that
// a client has written.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>

namespace ipcdev {

class Upgrade;

// Serves in a process of its own. `predecessor`: the signal that killed the one before it; 0: this
// is the first. Returns the exit status.
using Serve = std::function<int(int predecessor)>;

// What such a process has done so far.
struct Progress {
    std::uint64_t last_call;  // another one: it has served
    std::uint32_t generation; // another one: it has taken over
};

// Forks a process for `serve`, and another one whenever one was killed by a signal. Returns what
// `serve` returned, if one ended by itself; EXIT_FAILURE, and says so, if several in a row, each in
// its first second and before it had served, crashed, or were killed before they had taken over.
// Passes a stop signal on, and has `upgrade` see to a request for one. `predecessor`: as for the
// first of its processes.
[[nodiscard]] int keep_serving(const Serve& serve, const std::function<Progress()>& progress,
                               Upgrade& upgrade, int predecessor);

// Kills the process that serves for the program before this one, and returns its status of wait(2):
// it may have ended by itself.
[[nodiscard]] int end_server(pid_t server);

} // namespace ipcdev
