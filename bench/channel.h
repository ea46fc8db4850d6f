// SPDX-License-Identifier: MIT
//
// What every way of passing messages looks like to the measures: one direction,
// messages of one size.
//
// A channel is made by the process that measures, before it forks, and is
// inherited: its descriptors and mappings work in every process of the sample. Only
// the maker destroys it, which leaves nothing behind.
#pragma once

#include <cstddef>
#include <span>

namespace ipcdev::bench {

// What a measure asks of a channel.
struct Shape {
    std::size_t message_bytes = 64;
    unsigned depth = 0; // messages that fit; 0: as the peer comes
    unsigned index = 0; // 0: the way there, 1: the way back of a round trip
};

enum class Side { sending, receiving };

class Channel {
  public:
    Channel() = default;
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    virtual ~Channel() = default;

    // One message, of Shape::message_bytes; false if a non-blocking side can't now.
    // What goes wrong is an exception, Ctrl-C and the end of the sample's time included.
    virtual bool send(std::span<const std::byte> message) = 0;
    virtual bool receive(std::span<std::byte> message) = 0;

    // Many messages in one call: `batch` is as many messages of Shape::message_bytes,
    // one behind the other; they are received into the channel's own memory. For peers
    // that can (Abilities::no_batch). Returns how many it was: all, or of those received
    // at least one.
    virtual std::size_t send_batch(std::span<const std::byte> batch);
    virtual std::size_t receive_batch();

    // Called once by the process or thread that is going to receive.
    virtual void become_receiver() {}

    // For peers that can: Abilities::no_poll is empty.
    virtual void set_non_blocking(Side side);
    [[nodiscard]] virtual int pollable() const { return -1; }
};

} // namespace ipcdev::bench
