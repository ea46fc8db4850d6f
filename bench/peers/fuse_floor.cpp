// SPDX-License-Identifier: MIT
//
// The smallest FUSE server, as a peer: what a system call costs at least that a daemon
// answers. It is started when it is first asked for.
#include <fcntl.h>

#include "descriptor_channel.h"
#include "peers/fuse_floor_server.h"
#include "peers/peers.h"
#include "support/errors.h"

namespace ipcdev::bench {

namespace {

constexpr auto no_queue = "no message goes through it";

test::Descriptor open_floor(const FuseFloorServer& server, int access) {
    const auto& path = server.path();
    return test::Descriptor(test::checked(open(path.c_str(), access | O_CLOEXEC), path.c_str()));
}

} // namespace

void add_fuse_floor(Peers& peers) {
    auto server = std::make_shared<std::unique_ptr<FuseFloorServer>>();
    peers.push_back({.name = "fuse-floor",
                     .what = "the smallest FUSE server that answers write and read",
                     .abilities = {.no_two_processes = no_queue, .no_fill = no_queue},
                     .open =
                         [server](const Shape&) {
                             if (*server == nullptr) {
                                 *server = std::make_unique<FuseFloorServer>();
                             }
                             return std::make_unique<DescriptorChannel>(
                                 open_floor(**server, O_WRONLY), open_floor(**server, O_RDONLY),
                                 DescriptorChannel::Kind::messages);
                         },
                     .servers =
                         [server] {
                             return *server == nullptr ? std::vector<pid_t>{}
                                                       : std::vector<pid_t>{(*server)->pid()};
                         }});
}

} // namespace ipcdev::bench
