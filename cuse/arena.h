// SPDX-License-Identifier: MIT
//
// A bounded allocator for blocks of given sizes: a fixed range of addresses, cut into
// slabs of 1 MiB, each of which holds blocks of one size.
//
//   a slab        gets memory from the system as its blocks are first used; the first
//                 few without a system call
//   idle          once its last block is released; it keeps its memory, so that a
//                 warm daemon makes no system call for memory
//   given back    the slab idle for longest, while the idle ones have more than
//                 idle_bytes_max in all; it may then hold blocks of any size
//
// The free lists in the slabs are offsets, not pointers.
//
// Not thread-safe: callers serialise. The arena outlives its blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "list.h"
#include "pages.h"

namespace ipcdev {

class Arena {
  public:
    static constexpr std::size_t slab_bytes = std::size_t{1} << 20U;
    // Bytes before the first block of a slab. That block is used most, and what is copied
    // into it starts near the start of a page too. On some processors a copy stalls if its
    // destination is a few bytes further into the page than its source: with 16 bytes here
    // a message of 64 KiB took twice as long on an EPYC.
    static constexpr std::size_t lead_bytes = 64;
    // The most idle memory that is kept.
    static constexpr std::size_t idle_bytes_max = std::size_t{8} << 20U;
    // Usable from the start.
    static constexpr std::size_t first_slabs = idle_bytes_max / slab_bytes;

    // For blocks of these sizes, in ascending order, each a multiple of 8 and less
    // than a slab. Throws std::bad_alloc, also if the address space is limited too tightly.
    Arena(std::span<const std::uint32_t> block_bytes, std::size_t slabs);
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    ~Arena();

    // A block of the size with this index, or a larger one if no slab for that size can be
    // had. Null if everything is in use or the system gives no memory. Not initialised.
    [[nodiscard]] void* allocate(std::size_t size_index);
    void release(void* block);
    // Gives all unused memory back to the system; if nothing is in use, the commitment
    // for it as well.
    void trim();

    [[nodiscard]] static constexpr std::size_t blocks_in_a_slab(std::size_t block_bytes) {
        return (slab_bytes - lead_bytes) / block_bytes;
    }
    [[nodiscard]] std::size_t idle_bytes() const { return idle_bytes_; }

  private:
    struct Slab {
        ListHook hook;      // in Size::with_room, or in unused_
        ListHook idle_hook; // in idle_
        std::uint32_t size_index = 0;
        std::uint32_t used = 0;           // blocks
        std::uint32_t fresh = lead_bytes; // offset of the part that was never used
        std::uint32_t released = 0;       // offset + 1 of the block released last; 0: none
    };
    using SlabList = List<Slab, &Slab::hook>;
    using IdleList = List<Slab, &Slab::idle_hook>;

    struct Size {
        std::uint32_t block_bytes = 0;
        std::uint32_t blocks = 0; // in a slab
        SlabList with_room;       // blocks are taken from the first
    };

    [[nodiscard]] std::byte* begin_of(const Slab& slab) const {
        return pages_.begin() + (static_cast<std::size_t>(&slab - slabs_.data()) * slab_bytes);
    }
    bool promise(std::size_t slabs);
    Slab* slab_for(std::size_t size_index);
    Slab* unused_slab();
    void keep_idle(Slab& slab);
    void give_back(Slab& slab);

    std::vector<Size> sizes_;
    std::vector<Slab> slabs_;
    Pages pages_;
    std::size_t promised_ = 0;   // slabs, from the first one on, that may have memory
    SlabList unused_;            // of those: hold blocks of no size, and no memory
    IdleList idle_;              // longest first
    std::size_t idle_bytes_ = 0; // what they have
};

} // namespace ipcdev
