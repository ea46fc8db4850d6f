// SPDX-License-Identifier: MIT
//
// A peer: one way of passing messages, by name. What it can't do it says in words,
// which the table shows: nothing is left out silently.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "channel.h"

namespace ipcdev::bench {

// Thrown by Peer::open for what shows only when it is tried: a limit of this machine, a
// permission.
struct Unable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Abilities {
    std::size_t message_bytes = 65536; // the longest message
    std::string no_longer = "";        // why no longer one

    // Each is the reason why not; empty: it can.
    std::string no_two_processes = "";           // messages between two processes
    std::string no_way_back = "";                // a second channel beside the first
    std::string no_crowd = "";                   // several writers, several readers
    std::string no_poll = "";                    // poll, and non-blocking calls
    std::string no_depth = "its depth is fixed"; // Shape::depth
    std::string no_fill = "";                    // be filled, to see what a message takes
    std::string no_batch = "one message a call"; // many messages in one call
    unsigned depth_max = 0;
    std::string no_deeper = "it can't be that deep";
    unsigned parked_max = 64; // readers to try with
    bool one_queue = false;   // all that open() gives are the same one
};

struct Peer {
    std::string name;
    std::string what; // one line
    Abilities abilities{};
    std::function<std::unique_ptr<Channel>(const Shape&)> open;
    // The daemons behind it, to be placed and watched; started by open() at the latest.
    std::function<std::vector<pid_t>()> servers = [] { return std::vector<pid_t>{}; };
    double server_bytes = 0; // memory (VmRSS) of the first one before it had anything to do
};

} // namespace ipcdev::bench
