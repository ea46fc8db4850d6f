// SPDX-License-Identifier: MIT
#include "registry.h"

namespace ipcdev::bench {

Peers all_peers(const std::vector<ServedDevice>& devices) {
    Peers peers;
    for (const auto& device : devices) {
        add_device(peers, device);
    }
    add_pipe(peers);
    add_unix_socket(peers);
    add_posix_mq(peers);
    add_sysv_msg(peers);
    add_shared_memory(peers);
    add_eventfd(peers);
    add_signal(peers);
    add_flock(peers);
    add_fuse_floor(peers);
    add_floor(peers);
    return peers;
}

} // namespace ipcdev::bench
