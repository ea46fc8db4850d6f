// SPDX-License-Identifier: MIT
#include "peers/ring.h"

#include <sched.h>

#include <bit>
#include <cstring>

namespace ipcdev::bench {

namespace {

constexpr std::size_t line_bytes = 64;

std::size_t whole_lines(std::size_t bytes) {
    return (bytes + line_bytes - 1) / line_bytes * line_bytes;
}

} // namespace

Ring::Ring(Source source, const Shape& shape)
    : slots_(std::bit_ceil(shape.depth != 0 ? shape.depth : default_slots)),
      slot_bytes_(whole_lines(sizeof(Slot) + shape.message_bytes)),
      memory_(source, sizeof(Head) + slots_ * slot_bytes_) {}

Ring::Slot& Ring::slot_of(std::uint32_t ticket) const {
    return *reinterpret_cast<Slot*>(memory_.data() + sizeof(Head) + ticket % slots_ * slot_bytes_);
}

bool Ring::send(std::span<const std::byte> message) {
    wait_for_room();
    const std::uint32_t ticket = head().send_ticket.fetch_add(1, std::memory_order_relaxed);
    const std::uint32_t turn = ticket / slots_ * 2;
    Slot& slot = slot_of(ticket);
    wait_for_turn(slot, turn);
    std::memcpy(payload(slot), message.data(), message.size());
    slot.turn.store(turn + 1);
    turn_has_come(slot);
    message_is_there();
    return true;
}

bool Ring::receive(std::span<std::byte> message) {
    wait_for_message();
    const std::uint32_t ticket = head().receive_ticket.fetch_add(1, std::memory_order_relaxed);
    const std::uint32_t turn = ticket / slots_ * 2 + 1;
    Slot& slot = slot_of(ticket);
    wait_for_turn(slot, turn);
    std::memcpy(message.data(), payload(slot), message.size());
    slot.turn.store(turn + 1);
    turn_has_come(slot);
    room_is_there();
    return true;
}

void Ring::wait_for_turn(Slot& slot, std::uint32_t turn) {
    while (slot.turn.load(std::memory_order_acquire) != turn) {
        interruption::check();
        sched_yield();
    }
}

} // namespace ipcdev::bench
