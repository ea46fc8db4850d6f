// SPDX-License-Identifier: MIT
//
// Pipes: the stream, packets (O_DIRECT), and with a name in the file system (a FIFO).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "descriptor_channel.h"
#include "peers/peers.h"
#include "support/errors.h"
#include "temporary.h"

namespace ipcdev::bench {

namespace {

constexpr std::size_t page_bytes = 4096; // one slot of a pipe
constexpr unsigned slots_max = 256;      // what an ordinary user may have: 1 MiB

std::unique_ptr<Channel> open_pipe(int flags, DescriptorChannel::Kind kind, const Shape& shape) {
    std::array<int, 2> ends{};
    test::checked(pipe2(ends.data(), O_CLOEXEC | flags), "pipe2");
    test::Descriptor read_end(ends[0]);
    test::Descriptor write_end(ends[1]);
    if (shape.depth != 0) {
        const auto bytes = static_cast<int>(shape.depth * page_bytes);
        test::checked(fcntl(write_end.get(), F_SETPIPE_SZ, bytes), "F_SETPIPE_SZ");
    }
    return std::make_unique<DescriptorChannel>(std::move(write_end), std::move(read_end), kind);
}

// Nobody else finds it: its name is gone once both ends are open.
std::unique_ptr<Channel> open_fifo(const Shape& /*shape*/) {
    const TemporaryFolder folder;
    const auto path = folder.path() / "fifo";
    test::checked(mkfifo(path.c_str(), S_IRUSR | S_IWUSR), "mkfifo");
    // O_RDWR does not wait for the other end, which only the next line opens.
    test::Descriptor both(test::checked(open(path.c_str(), O_RDWR | O_CLOEXEC), "open"));
    test::Descriptor write_end(test::checked(open(path.c_str(), O_WRONLY | O_CLOEXEC), "open"));
    test::Descriptor read_end(test::checked(open(path.c_str(), O_RDONLY | O_CLOEXEC), "open"));
    return std::make_unique<DescriptorChannel>(std::move(write_end), std::move(read_end),
                                               DescriptorChannel::Kind::stream);
}

} // namespace

void add_pipe(Peers& peers) {
    using Kind = DescriptorChannel::Kind;
    peers.push_back({.name = "pipe",
                     .what = "an anonymous pipe: a stream of bytes",
                     .abilities = {.parked_max = 1000},
                     .open = [](const Shape& shape) { return open_pipe(0, Kind::stream, shape); }});
    peers.push_back(
        {.name = "pipe-packet",
         .what = "an anonymous pipe with O_DIRECT: a page and a slot per packet",
         .abilities = {.message_bytes = page_bytes,
                       .no_longer = "a packet is at most a page",
                       .no_depth = "",
                       .depth_max = slots_max},
         .open = [](const Shape& shape) { return open_pipe(O_DIRECT, Kind::messages, shape); }});
    peers.push_back({.name = "fifo", .what = "a named pipe", .open = open_fifo});
}

} // namespace ipcdev::bench
