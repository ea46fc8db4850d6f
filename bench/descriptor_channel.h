// SPDX-License-Identifier: MIT
//
// A channel that is one or two file descriptors and read(2) and write(2) on them.
#pragma once

#include "channel.h"
#include "support/descriptor.h"

namespace ipcdev::bench {

class DescriptorChannel : public Channel {
  public:
    // `stream`: a read may give less or more than a write, so it asks for what is
    // missing of a message; else every call is one message.
    enum class Kind { stream, messages };

    DescriptorChannel(test::Descriptor write_end, test::Descriptor read_end, Kind kind);

    bool send(std::span<const std::byte> message) override;
    bool receive(std::span<std::byte> message) override;
    void set_non_blocking(Side side) override;
    [[nodiscard]] int pollable() const override { return read_end_.get(); }

  protected:
    [[nodiscard]] int write_end() const { return write_end_.get(); }
    [[nodiscard]] int read_end() const { return read_end_.get(); }

  private:
    test::Descriptor write_end_;
    test::Descriptor read_end_;
    Kind kind_;
    std::size_t received_ = 0; // of a message in a stream that is not there wholly
};

} // namespace ipcdev::bench
