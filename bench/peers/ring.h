// SPDX-License-Identifier: MIT
//
// A ring of messages in shared memory, for any number of senders and receivers.
//
// Each call takes a ticket, which names a slot and a round. The slot's `turn` says
// whose it is: 2 * round for the sender of that round, 2 * round + 1 for its receiver.
// So nobody takes a lock, and messages stay in order. How somebody waits is the
// derived class's: for the slot's turn, or before it takes a ticket.
#pragma once

#include "channel.h"
#include "futex.h"
#include "peers/memory.h"

namespace ipcdev::bench {

class Ring : public Channel {
  public:
    static constexpr unsigned default_slots = 64;

    Ring(Source source, const Shape& shape);

    bool send(std::span<const std::byte> message) override;
    bool receive(std::span<std::byte> message) override;

  protected:
    struct Slot {
        FutexWord turn;
        FutexWord sleepers; // who wait for the turn, for those who wait there
    };

    [[nodiscard]] unsigned slots() const { return slots_; }

    // Before a ticket is taken and after it is done with.
    virtual void wait_for_room() {}
    virtual void wait_for_message() {}
    virtual void room_is_there() {}
    virtual void message_is_there() {}
    // The default is for those who waited before: nearly always it is their turn.
    virtual void wait_for_turn(Slot& slot, std::uint32_t turn);
    virtual void turn_has_come(Slot& /*slot*/) {}

  private:
    // On lines of their own: senders and receivers would slow each other down.
    struct Head {
        alignas(64) FutexWord send_ticket;
        alignas(64) FutexWord receive_ticket;
    };

    [[nodiscard]] Head& head() const { return *reinterpret_cast<Head*>(memory_.data()); }
    [[nodiscard]] Slot& slot_of(std::uint32_t ticket) const;
    static std::byte* payload(Slot& slot) { return reinterpret_cast<std::byte*>(&slot + 1); }

    unsigned slots_; // a power of two, so that tickets may wrap around
    std::size_t slot_bytes_;
    Memory memory_;
};

} // namespace ipcdev::bench
