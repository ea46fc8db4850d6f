// SPDX-License-Identifier: MIT
//
// What two system calls cost at least: no message goes anywhere.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "descriptor_channel.h"
#include "peers/peers.h"
#include "support/errors.h"

namespace ipcdev::bench {

namespace {

constexpr auto no_queue = "no message goes through it";

Abilities of_a_floor() {
    return {.no_two_processes = no_queue, .no_fill = no_queue};
}

class Getppid final : public Channel {
  public:
    // glibc's getppid may not be a system call.
    bool send(std::span<const std::byte> /*message*/) override {
        return syscall(SYS_getppid) != -1;
    }
    bool receive(std::span<std::byte> /*message*/) override { return true; }
};

test::Descriptor open_device(const char* path, int access) {
    return test::Descriptor(test::checked(open(path, access | O_CLOEXEC), path));
}

} // namespace

void add_floor(Peers& peers) {
    peers.push_back({.name = "getppid",
                     .what = "one system call that does nothing, in place of both",
                     .abilities = of_a_floor(),
                     .open = [](const Shape&) { return std::make_unique<Getppid>(); }});
    peers.push_back({.name = "null-zero",
                     .what = "write /dev/null and read /dev/zero: a character device's two calls",
                     .abilities = of_a_floor(),
                     .open = [](const Shape&) {
                         return std::make_unique<DescriptorChannel>(
                             open_device("/dev/null", O_WRONLY), open_device("/dev/zero", O_RDONLY),
                             DescriptorChannel::Kind::messages);
                     }});
}

} // namespace ipcdev::bench
