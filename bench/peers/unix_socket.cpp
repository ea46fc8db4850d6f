// SPDX-License-Identifier: MIT
//
// Pairs of Unix sockets: stream, datagrams, and datagrams over a connection. Both
// directions are there; a channel uses one.
#include <sys/socket.h>

#include <array>

#include "descriptor_channel.h"
#include "peers/peers.h"
#include "support/errors.h"

namespace ipcdev::bench {

namespace {

std::unique_ptr<Channel> open_pair(int type, DescriptorChannel::Kind kind) {
    std::array<int, 2> ends{};
    test::checked(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
    return std::make_unique<DescriptorChannel>(test::Descriptor(ends[0]), test::Descriptor(ends[1]),
                                               kind);
}

} // namespace

void add_unix_socket(Peers& peers) {
    using Kind = DescriptorChannel::Kind;
    peers.push_back({.name = "unix-stream",
                     .what = "a pair of Unix sockets: a stream of bytes",
                     .open = [](const Shape&) { return open_pair(SOCK_STREAM, Kind::stream); }});
    peers.push_back({.name = "unix-dgram",
                     .what = "a pair of Unix sockets: datagrams",
                     .open = [](const Shape&) { return open_pair(SOCK_DGRAM, Kind::messages); }});
    peers.push_back(
        {.name = "unix-seqpacket",
         .what = "a pair of Unix sockets: messages over a connection",
         .open = [](const Shape&) { return open_pair(SOCK_SEQPACKET, Kind::messages); }});
}

} // namespace ipcdev::bench
