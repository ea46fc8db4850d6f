// SPDX-License-Identifier: MIT
#include "payload.h"

#include <bit>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>

#include "uapi/ipcdev.h"

namespace ipcdev {

Payload::Payload(std::span<const std::byte> bytes)
    : Message(static_cast<std::uint32_t>(bytes.size())) {
    std::memcpy(data(), bytes.data(), bytes.size());
}

void PayloadPool::trim() {
    for (Unused*& unused : unused_) {
        while (unused != nullptr) {
            Unused* next = unused->next;
            std::free(unused);
            unused = next;
        }
    }
    kept_bytes_ = 0;
}

std::size_t PayloadPool::class_of(std::size_t bytes) {
    assert(bytes >= IPCDEV_MESSAGE_MIN && bytes <= IPCDEV_MESSAGE_MAX);
    const std::size_t units = (bytes + smallest_bytes - 1) / smallest_bytes;
    return static_cast<std::size_t>(std::bit_width(units - 1));
}

Payload* PayloadPool::make(std::span<const std::byte> bytes) {
    const std::size_t index = class_of(bytes.size());
    void* place = unused_[index];
    if (place != nullptr) {
        unused_[index] = unused_[index]->next;
        kept_bytes_ -= class_bytes(index);
    } else {
        place = std::malloc(sizeof(Payload) + class_bytes(index));
        if (place == nullptr) {
            return nullptr;
        }
    }
    return new (place) Payload(bytes);
}

void PayloadPool::release(Payload& payload) {
    const std::size_t index = class_of(payload.size);
    payload.~Payload();
    if (kept_bytes_ + class_bytes(index) > kept_bytes_max) {
        std::free(&payload);
        return;
    }
    unused_[index] = new (&payload) Unused{unused_[index]};
    kept_bytes_ += class_bytes(index);
}

} // namespace ipcdev
