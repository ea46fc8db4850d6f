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
    // Gives memory back to the system, if more is idle than is kept. It is gone at once: changes
    // before that can't be undone. allocate() does so once all slabs have been used.
    void give_back_excess();
    [[nodiscard]] bool has_excess() const { return idle_bytes_ > idle_bytes_max; }
    [[nodiscard]] std::size_t slabs_never_used() const { return slabs_.made() - promised_; }
    // Gives all unused memory back to the system; if nothing is in use, the commitment
    // for it as well.
    void trim();

    // Of an arena that has made none, in memory that had others: gives that back.
    void wipe() const { pages_.give_back(0, pages_.size()); }

    [[nodiscard]] static constexpr std::size_t blocks_in_a_slab(std::size_t block_bytes) {
        return (slab_bytes - lead_bytes) / block_bytes;
    }
    [[nodiscard]] std::size_t idle_bytes() const { return idle_bytes_; }

  private:
    friend class Validation;

    struct alignas(UndoLog::line_bytes) Slab {
        ListHook hook;      // in Size::with_room, or in unused_
        ListHook idle_hook; // in idle_
        Kept<std::uint32_t> size_index;
        Kept<std::uint32_t> used;              // blocks
        Kept<std::uint32_t> fresh{lead_bytes}; // offset of the part that was never used
        Kept<std::uint32_t> released;          // offset + 1 of the block released last; 0: none
        Kept<std::uint32_t> touched;           // the end of the part that may have memory
    };
    using SlabList = List<Slab, &Slab::hook>;
    using IdleList = List<Slab, &Slab::idle_hook>;

    struct Size {
        std::uint32_t block_bytes = 0;
        std::uint32_t blocks = 0; // in a slab
        SlabList with_room;       // blocks are taken from the first
    };

    [[nodiscard]] std::byte* begin_of(const Slab& slab) const {
        return pages_.begin() + (slabs_.index_of(slab) * slab_bytes);
    }
    bool promise(std::size_t slabs);
    Slab* slab_for(std::size_t size_index);
    Slab* unused_slab();
    void make_idle(Slab& slab);
    void give_back(Slab& slab);

    Places<Size> sizes_;
    Places<Slab> slabs_;
    Pages pages_;
    Kept<std::size_t> promised_;   // slabs, from the first one on, that may have memory
    SlabList unused_;              // of those: hold blocks of no size, and no memory
    IdleList idle_;                // longest first
    Kept<std::size_t> idle_bytes_; // what they have
};

} // namespace ipcdev
