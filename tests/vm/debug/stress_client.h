// SPDX-License-Identifier: MIT
//
// One process of the stress: it does what chance says until all operations are
// taken. It is meant to be interrupted and killed at any time.
#pragma once

#include <string>

#include "unit_record.h"

namespace ipcdev::stress {

// What the clients of a round may do besides reading, writing, polling, opening.
struct Liberties {
    bool clear = false;     // drop what is queued
    bool configure = false; // change the depth, if the device happens to be idle
};

// SIGUSR1 interrupts a call, SIGUSR2 restarts it. For the parent, since a signal
// may meet a client before it has done anything.
void handle_signals();

// `shared` is an open of the device, without O_NONBLOCK, that the other clients have too.
// The exit status; what goes wrong is said on stderr.
[[nodiscard]] int run_client(const std::string& device, int shared, UnitRecord& record,
                             const Liberties& liberties, unsigned seed);

} // namespace ipcdev::stress
