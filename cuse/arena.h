// SPDX-License-Identifier: MIT
//
// Memory for blocks of given sizes, bounded by what it is made for: one range of
// addresses, cut into slabs of 1 MiB, each of which holds blocks of one size.
//
//   a slab        gets memory from the system as its blocks are first used; the first
//                 few without a system call
//   idle          when its last block is released; it keeps its memory, so that a
//                 warm daemon takes and gives back nothing per message
//   given back    the slab that has been idle for longest, while idle ones have more
//                 than idle_bytes_max in all; it may then hold blocks of any size
//
// Nothing in it points outside of it, and what is kept of it are offsets.
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
    // Before the first block of a slab. The block that is used most begins a slab, and what
    // is copied into it comes from near the begin of a page too. Copying to a place that is
    // a few bytes further into its page makes some processors wait for themselves: without
    // this, 16 bytes, a message of 64 KiB took twice the time on an EPYC.
    static constexpr std::size_t lead_bytes = 64;
    // Kept beyond what is in use.
    static constexpr std::size_t idle_bytes_max = std::size_t{8} << 20U;
    // Promised from the start.
    static constexpr std::size_t first_slabs = idle_bytes_max / slab_bytes;

    // For blocks of these sizes, in ascending order, each a multiple of 8 and less
    // than a slab. Throws std::bad_alloc, also where so many addresses may not be had.
    Arena(std::span<const std::uint32_t> block_bytes, std::size_t slabs);
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    ~Arena();

    // A block of the size with this index, or where there is none of it a larger one.
    // Null: all is in use, or the system gives no more. Its bytes may be anything.
    [[nodiscard]] void* allocate(std::size_t size_index);
    void release(void* block);
    // Gives all that is not in use back to the system; if nothing is, what it was
    // promised too.
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
        std::uint32_t fresh = lead_bytes; // offset of what was not used since it had no memory
        std::uint32_t released = 0;       // the block released last: its offset + 1; or 0
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
