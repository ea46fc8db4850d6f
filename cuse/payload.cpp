// SPDX-License-Identifier: MIT
#include "payload.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

namespace ipcdev {

namespace {

constexpr auto block_sizes = [] {
    std::array<std::uint32_t, PayloadSizes::count> sizes{};
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        sizes.at(i) = static_cast<std::uint32_t>(PayloadSizes::block_bytes(i));
    }
    return sizes;
}();

// The slabs for the longest queue that fits in this block size: of the shortest messages
// that use it.
constexpr std::size_t slabs_of_a_full_queue(std::size_t index) {
    const std::size_t shortest = index == 0 ? 1 : PayloadSizes::message_bytes(index - 1) + 1;
    const std::size_t depth =
        std::min<std::size_t>(IPCDEV_DEPTH_MAX, IPCDEV_QUEUE_BYTES_MAX / shortest);
    const std::size_t in_a_slab = Arena::blocks_in_a_slab(PayloadSizes::block_bytes(index));
    return (depth + in_a_slab - 1) / in_a_slab;
}

constexpr std::size_t slabs_of_the_fullest_queue() {
    std::size_t most = 0;
    for (std::size_t i = 0; i < PayloadSizes::count; ++i) {
        most = std::max(most, slabs_of_a_full_queue(i));
    }
    return most;
}

static_assert(PayloadSizes::index(IPCDEV_MESSAGE_MAX) == PayloadSizes::count - 1);
static_assert(PayloadSizes::message_bytes(PayloadSizes::count - 1) == IPCDEV_MESSAGE_MAX);
static_assert(sizeof(Payload) == 96 && slabs_of_the_fullest_queue() == 296, "see ipcdevd(8)");
// Plus one partly filled slab for each size, if there are messages of all sizes.
static_assert(slabs_of_the_fullest_queue() + PayloadSizes::count < PayloadPool::slabs);

} // namespace

Payload::Payload(std::span<const std::byte> bytes)
    : Message(static_cast<std::uint32_t>(bytes.size())) {
    std::memcpy(data(), bytes.data(), bytes.size());
}

PayloadPool::PayloadPool() : arena_(block_sizes, slabs) {}

Payload* PayloadPool::make(std::span<const std::byte> bytes) {
    assert(!bytes.empty() && bytes.size() <= IPCDEV_MESSAGE_MAX);
    void* place = arena_.allocate(PayloadSizes::index(bytes.size()));
    if (place == nullptr) {
        return nullptr;
    }
    UndoLog::note(place, sizeof(Payload)); // it may have been another one since the last commit
    return new (place) Payload(bytes);
}

void PayloadPool::release(Payload& payload) {
    payload.~Payload();
    arena_.release(&payload);
}

} // namespace ipcdev
