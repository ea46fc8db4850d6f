// SPDX-License-Identifier: MIT
//
// Every file of this folder adds its peers; ../registry.cpp calls them all.
#pragma once

#include <string>
#include <vector>

#include "peer.h"

namespace ipcdev::bench {

using Peers = std::vector<Peer>;

void add_floor(Peers& peers);
void add_fuse_floor(Peers& peers);
void add_pipe(Peers& peers);
void add_unix_socket(Peers& peers);
void add_posix_mq(Peers& peers);
void add_sysv_msg(Peers& peers);
void add_shared_memory(Peers& peers);
void add_eventfd(Peers& peers);
void add_signal(Peers& peers);
void add_flock(Peers& peers);

// A device that somebody serves: `paths` is one file, or two for round trips.
struct ServedDevice {
    std::string label;
    std::vector<std::string> paths;
    std::vector<pid_t> servers; // empty if a kernel module serves it, or unknown
};
void add_device(Peers& peers, const ServedDevice& device);

} // namespace ipcdev::bench
