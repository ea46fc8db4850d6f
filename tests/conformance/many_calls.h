// SPDX-License-Identifier: MIT
//
// As many calls at a time as there are threads: the limits of operations at their
// real numbers.
#pragma once

#include <string>
#include <vector>

#include "client.h"

namespace ipcdev::conformance {

inline constexpr int processes = 4; // that share the threads

// As a descriptor: the call needs none, and the client does not open the device for it.
inline constexpr int no_descriptor = 0;

// To be run in a client: numbers[0] threads each make one call of a byte by the
// descriptor, which nobody collects. They end with the client, or as the call does.
Outcome read_in_threads(const Call& call);
Outcome write_in_threads(const Call& call);
// The same into memory that is never there, so that a copy to it stalls; after
// prepare_stalling_memory().
Outcome read_stalling_in_threads(const Call& call);
// And one read of one byte by the client itself.
Outcome read_stalling(const Call& call);

// To be run in a client, by root: makes that memory. A page of which a userfaultfd(2)
// has the faults, and nobody serves them.
Outcome prepare_stalling_memory(const Call& call);

// Has the client make it. False: this user can't have page faults wait.
bool make_stalling_memory(Client& client);

// Has the client start `count` threads. False: it may not have so many.
bool start_threads(Client& client, Action in_threads, unsigned count);
// Has each of the clients start its share of them.
bool start_threads(std::vector<Client>& clients, Action in_threads, unsigned count);

} // namespace ipcdev::conformance
