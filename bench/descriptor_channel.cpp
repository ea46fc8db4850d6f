// SPDX-License-Identifier: MIT
#include "descriptor_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "interruption.h"
#include "support/errors.h"

namespace ipcdev::bench {

namespace {

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

} // namespace

DescriptorChannel::DescriptorChannel(test::Descriptor write_end, test::Descriptor read_end,
                                     Kind kind)
    : write_end_(std::move(write_end)), read_end_(std::move(read_end)), kind_(kind) {}

bool DescriptorChannel::send(std::span<const std::byte> message) {
    while (!message.empty()) {
        const ssize_t sent = write(write_end_.get(), message.data(), message.size());
        if (sent >= 0) {
            message = message.subspan(static_cast<std::size_t>(sent));
        } else if (would_block()) {
            return false; // Nothing of it went: those who try send what goes as a whole.
        } else {
            interruption::retry_or_throw("write");
        }
    }
    return true;
}

bool DescriptorChannel::receive(std::span<std::byte> message) {
    for (;;) {
        const auto missing = message.subspan(received_);
        const ssize_t got = read(read_end_.get(), missing.data(), missing.size());
        if (got > 0) {
            const std::size_t have = received_ + static_cast<std::size_t>(got);
            if (have == message.size()) {
                if (received_ != 0) { // Not written if nothing changes: threads share it.
                    received_ = 0;
                }
                return true;
            }
            received_ = have;
            if (kind_ == Kind::messages) {
                throw std::runtime_error("read gave a part of a message");
            }
        } else if (got == 0) {
            throw std::runtime_error("read found the end");
        } else if (would_block()) {
            return false;
        } else {
            interruption::retry_or_throw("read");
        }
    }
}

void DescriptorChannel::set_non_blocking(Side side) {
    const int fd = side == Side::sending ? write_end_.get() : read_end_.get();
    const int flags = test::checked(fcntl(fd, F_GETFL), "fcntl");
    test::checked(fcntl(fd, F_SETFL, flags | O_NONBLOCK), "fcntl");
}

} // namespace ipcdev::bench
