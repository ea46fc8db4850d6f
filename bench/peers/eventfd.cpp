// SPDX-License-Identifier: MIT
//
// An eventfd, as a semaphore: a wake-up that can be polled, and no message. What it
// carries beside is a count, so only the smallest size says something.
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "descriptor_channel.h"
#include "peers/peers.h"
#include "support/errors.h"

namespace ipcdev::bench {

namespace {

class Eventfd final : public DescriptorChannel {
  public:
    Eventfd(test::Descriptor write_end, test::Descriptor read_end)
        : DescriptorChannel(std::move(write_end), std::move(read_end), Kind::messages) {}

    bool send(std::span<const std::byte> /*message*/) override {
        static constexpr std::uint64_t one = 1;
        return DescriptorChannel::send(std::as_bytes(std::span(&one, 1)));
    }
};

std::unique_ptr<Channel> open_eventfd(const Shape& /*shape*/) {
    test::Descriptor read_end(test::checked(eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC), "eventfd"));
    test::Descriptor write_end(test::checked(dup(read_end.get()), "dup"));
    return std::make_unique<Eventfd>(std::move(write_end), std::move(read_end));
}

} // namespace

void add_eventfd(Peers& peers) {
    peers.push_back({.name = "eventfd",
                     .what = "an eventfd as a semaphore: wakes, and carries no message",
                     .abilities = {.message_bytes = sizeof(std::uint64_t),
                                   .no_longer = "it carries no message, only a count",
                                   .no_fill = "it carries no message, only a count"},
                     .open = open_eventfd});
}

} // namespace ipcdev::bench
