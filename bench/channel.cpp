// SPDX-License-Identifier: MIT
#include "channel.h"

#include <stdexcept>

namespace ipcdev::bench {

std::size_t Channel::send_batch(std::span<const std::byte> /*batch*/) {
    throw std::logic_error("this channel takes one message a call");
}

std::size_t Channel::receive_batch() {
    throw std::logic_error("this channel gives one message a call");
}

void Channel::set_non_blocking(Side /*side*/) {
    throw std::logic_error("this channel always blocks");
}

} // namespace ipcdev::bench
