// SPDX-License-Identifier: MIT
#include "arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace ipcdev {

namespace {

// Tells AddressSanitizer that released memory must not be used.
void forbid([[maybe_unused]] std::byte* begin, [[maybe_unused]] std::size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
    __asan_poison_memory_region(begin, bytes);
#endif
}

void allow([[maybe_unused]] std::byte* begin, [[maybe_unused]] std::size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(begin, bytes);
#endif
}

} // namespace

// Reserves addresses. Slabs become usable one by one: the system's overcommit limit, or a
// limit of the process, may refuse one, and the client then gets ENOMEM.
Arena::Arena(std::span<const std::uint32_t> block_bytes, std::size_t slabs)
    : sizes_(block_bytes.size()), slabs_(slabs), pages_(slabs * slab_bytes, PROT_NONE) {
    for (std::size_t i = 0; i < sizes_.size(); ++i) {
        sizes_[i].block_bytes = block_bytes[i];
        sizes_[i].blocks = static_cast<std::uint32_t>(blocks_in_a_slab(block_bytes[i]));
    }
    if (!promise(std::min(slabs, first_slabs))) {
        throw std::bad_alloc();
    }
}

Arena::~Arena() {
    while (idle_.pop_front() != nullptr) {
    }
    while (unused_.pop_front() != nullptr) {
    }
    for (Size& size : sizes_) {
        while (size.with_room.pop_front() != nullptr) {
        }
    }
    allow(pages_.begin(), pages_.size());
}

void* Arena::allocate(std::size_t size_index) {
    Slab* slab = sizes_[size_index].with_room.front();
    if (slab == nullptr && (slab = slab_for(size_index)) == nullptr) {
        return nullptr;
    }
    Size& size = sizes_[slab->size_index];
    if (slab->idle_hook.linked()) {
        idle_.erase(*slab);
        idle_bytes_ -= slab->fresh;
    }
    std::byte* block = begin_of(*slab);
    if (slab->released != 0) {
        block += slab->released - 1;
        std::memcpy(&slab->released, block, sizeof(slab->released));
    } else {
        block += slab->fresh;
        slab->fresh += size.block_bytes;
    }
    if (++slab->used == size.blocks) {
        size.with_room.erase(*slab);
    }
    allow(block, size.block_bytes);
    return block;
}

void Arena::release(void* block) {
    const auto offset = static_cast<std::size_t>(static_cast<std::byte*>(block) - pages_.begin());
    assert(offset < pages_.size());
    Slab& slab = slabs_[offset / slab_bytes];
    Size& size = sizes_[slab.size_index];
    if (slab.used == size.blocks) {
        size.with_room.push_back(slab);
    }
    std::memcpy(block, &slab.released, sizeof(slab.released));
    slab.released = static_cast<std::uint32_t>(offset % slab_bytes) + 1;
    forbid(begin_of(slab) + slab.released - 1 + sizeof(slab.released),
           size.block_bytes - sizeof(slab.released));
    if (--slab.used == 0) {
        keep_idle(slab);
    }
}

void Arena::trim() {
    std::size_t unused = 0;
    while (Slab* slab = idle_.front()) {
        give_back(*slab);
    }
    for ([[maybe_unused]] const Slab& slab : unused_) {
        ++unused;
    }
    if (unused != promised_ || mprotect(pages_.begin(), promised_ * slab_bytes, PROT_NONE) != 0) {
        return;
    }
    while (unused_.pop_front() != nullptr) {
    }
    promised_ = 0;
}

// An unused slab, or else one with room for a larger size.
Arena::Slab* Arena::slab_for(std::size_t size_index) {
    if (Slab* slab = unused_slab(); slab != nullptr) {
        slab->size_index = static_cast<std::uint32_t>(size_index);
        sizes_[size_index].with_room.push_back(*slab);
        return slab;
    }
    for (std::size_t larger = size_index + 1; larger < sizes_.size(); ++larger) {
        if (Slab* slab = sizes_[larger].with_room.front(); slab != nullptr) {
            return slab;
        }
    }
    return nullptr;
}

Arena::Slab* Arena::unused_slab() {
    if (unused_.empty() && !promise(1) && !idle_.empty()) {
        give_back(*idle_.front());
    }
    return unused_.pop_front();
}

// False, and nothing changes, if there are no more slabs or the system refuses.
bool Arena::promise(std::size_t slabs) {
    if (slabs > slabs_.size() - promised_ ||
        mprotect(begin_of(slabs_[promised_]), slabs * slab_bytes, PROT_READ | PROT_WRITE) != 0) {
        return false;
    }
    for (; slabs != 0; --slabs) {
        unused_.push_back(slabs_[promised_++]);
    }
    return true;
}

void Arena::keep_idle(Slab& slab) {
    idle_.push_back(slab);
    idle_bytes_ += slab.fresh;
    while (idle_bytes_ > idle_bytes_max) {
        give_back(*idle_.front());
    }
}

void Arena::give_back(Slab& slab) {
    idle_.erase(slab);
    idle_bytes_ -= slab.fresh;
    allow(begin_of(slab), slab_bytes);
    madvise(begin_of(slab), slab_bytes, MADV_DONTNEED);
    slab.fresh = lead_bytes;
    slab.released = 0;
    sizes_[slab.size_index].with_room.erase(slab);
    unused_.push_front(slab);
}

} // namespace ipcdev
