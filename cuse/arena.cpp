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
    for (const std::uint32_t bytes : block_bytes) {
        Size& size = *sizes_.make();
        size.block_bytes = bytes;
        size.blocks = static_cast<std::uint32_t>(blocks_in_a_slab(bytes));
    }
    while (slabs_.make() != nullptr) {
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
    for (std::size_t i = 0; i < sizes_.made(); ++i) {
        while (sizes_.at(i)->with_room.pop_front() != nullptr) {
        }
    }
    allow(pages_.begin(), pages_.size());
}

void* Arena::allocate(std::size_t size_index) {
    Slab* slab = sizes_.at(size_index)->with_room.front();
    if (slab == nullptr && (slab = slab_for(size_index)) == nullptr) {
        return nullptr;
    }
    Size& size = *sizes_.at(slab->size_index);
    if (slab->idle_hook.linked()) {
        idle_.erase(*slab);
        idle_bytes_ -= slab->touched;
    }
    std::byte* block = begin_of(*slab);
    if (slab->released != 0) {
        block += slab->released - 1;
        std::uint32_t next = 0;
        std::memcpy(&next, block, sizeof(next));
        UndoLog::note(block, sizeof(next)); // whoever gets the block writes to it
        slab->released = next;
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
    Slab& slab = *slabs_.at(offset / slab_bytes);
    Size& size = *sizes_.at(slab.size_index);
    if (slab.used == size.blocks) {
        size.with_room.push_back(slab);
    }
    UndoLog::note(block, sizeof(std::uint32_t));
    const std::uint32_t next = slab.released;
    std::memcpy(block, &next, sizeof(next));
    slab.released = static_cast<std::uint32_t>(offset % slab_bytes) + 1;
    forbid(begin_of(slab) + slab.released - 1 + sizeof(std::uint32_t),
           size.block_bytes - sizeof(std::uint32_t));
    if (--slab.used == 0) {
        make_idle(slab);
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
    if (unused != promised_ || !pages_.protect(0, promised_ * slab_bytes, PROT_NONE)) {
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
        sizes_.at(size_index)->with_room.push_back(*slab);
        return slab;
    }
    for (std::size_t larger = size_index + 1; larger < sizes_.made(); ++larger) {
        if (Slab* slab = sizes_.at(larger)->with_room.front(); slab != nullptr) {
            return slab;
        }
    }
    return nullptr;
}

Arena::Slab* Arena::unused_slab() {
    if (unused_.empty() && !promise(1) && !idle_.empty()) {
        give_back(*idle_.front());
    }
    Slab* slab = unused_.front();
    if (slab == nullptr || !pages_.populate(slabs_.index_of(*slab) * slab_bytes, slab_bytes)) {
        return nullptr;
    }
    unused_.erase(*slab);
    return slab;
}

// False, and nothing changes, if there are no more slabs or the system refuses.
bool Arena::promise(std::size_t slabs) {
    if (slabs > slabs_.made() - promised_ ||
        !pages_.protect(promised_ * slab_bytes, slabs * slab_bytes, PROT_READ | PROT_WRITE)) {
        return false;
    }
    for (; slabs != 0; --slabs) {
        unused_.push_back(*slabs_.at(promised_));
        ++promised_;
    }
    return true;
}

// Nothing in it is of use: its blocks are handed out from the first on again.
void Arena::make_idle(Slab& slab) {
    slab.touched = std::max<std::uint32_t>(slab.touched, slab.fresh);
    slab.fresh = lead_bytes;
    slab.released = 0;
    idle_.push_back(slab);
    idle_bytes_ += slab.touched;
}

void Arena::give_back_excess() {
    while (has_excess()) {
        give_back(*idle_.front());
    }
}

void Arena::give_back(Slab& slab) {
    idle_.erase(slab);
    idle_bytes_ -= slab.touched;
    allow(begin_of(slab), slab_bytes);
    pages_.give_back(slabs_.index_of(slab) * slab_bytes, slab_bytes);
    slab.touched = 0;
    sizes_.at(slab.size_index)->with_room.erase(slab);
    unused_.push_front(slab);
}

} // namespace ipcdev
