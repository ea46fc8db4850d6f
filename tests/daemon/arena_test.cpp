// SPDX-License-Identifier: MIT
//
// Unit tests of the arena: what it gives, up to its bound, and what it gives back. No
// block is written to, so the large ones take no memory here.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "arena.h"
#include "failing_memory.h"
#include "payload.h"

namespace ipcdev::daemon_tests {

namespace {

constexpr std::array<std::uint32_t, 3> sizes{104, 4704, 65632};
constexpr std::size_t small = 0, middle = 1, large = 2;
constexpr std::size_t larges_in_a_slab = 15;

std::vector<void*> take_all(Arena& arena, std::size_t size_index) {
    std::vector<void*> blocks;
    while (void* block = arena.allocate(size_index)) {
        blocks.push_back(block);
    }
    return blocks;
}

void release_all(Arena& arena, const std::vector<void*>& blocks) {
    for (void* block : blocks) {
        arena.release(block);
    }
}

bool is_resident(const void* place) {
    const auto page = reinterpret_cast<std::uintptr_t>(place) & ~std::uintptr_t{4095};
    unsigned char resident = 0;
    return mincore(reinterpret_cast<void*>(page), 1, &resident) == 0 && (resident & 1U) != 0;
}

TEST(Arena, GivesBlocksThatDoNotOverlap) {
    Arena arena(sizes, 4);
    struct Taken {
        std::byte* block;
        std::size_t bytes;
        std::byte mark;
    };
    std::vector<Taken> taken;
    std::minstd_rand random; // the same each time
    for (int i = 0; i < 100'000; ++i) {
        const auto size_index = random() % 100 < 95 ? random() % 2 : large;
        if (random() % 2 == 0 || taken.empty()) {
            auto* block = static_cast<std::byte*>(arena.allocate(size_index));
            if (block != nullptr) {
                const auto mark = static_cast<std::byte>(i);
                taken.push_back({block, sizes.at(size_index), mark});
                block[0] = block[sizes.at(size_index) - 1] = mark;
            }
        } else {
            std::swap(taken.at(random() % taken.size()), taken.back());
            const Taken& last = taken.back();
            ASSERT_EQ(last.block[0], last.mark);
            ASSERT_EQ(last.block[last.bytes - 1], last.mark);
            arena.release(last.block);
            taken.pop_back();
        }
    }
    for (const Taken& each : taken) {
        arena.release(each.block);
    }
}

TEST(Arena, IsNullBeyondItsBoundAndWorksAgainBelow) {
    Arena arena(sizes, 3);
    for (int round = 0; round < 2; ++round) {
        const auto blocks = take_all(arena, large);
        EXPECT_EQ(blocks.size(), 3 * larges_in_a_slab);
        EXPECT_EQ(arena.allocate(small), nullptr);
        release_all(arena, blocks);
    }
}

TEST(Arena, UsesASlabForBlocksOfAnotherSizeOnceItIsIdle) {
    Arena arena(sizes, 2);
    release_all(arena, take_all(arena, large));
    const auto blocks = take_all(arena, small);
    EXPECT_EQ(blocks.size(), 2 * (Arena::blocks_in_a_slab(sizes[small])));
    release_all(arena, blocks);
    EXPECT_EQ(take_all(arena, large).size(), 2 * larges_in_a_slab);
}

TEST(Arena, TakesALargerBlockWhereNoneOfItsSizeIsLeft) {
    Arena arena(sizes, 2);
    void* first = arena.allocate(large);
    void* second = arena.allocate(large);
    const auto smalls = take_all(arena, small);
    EXPECT_EQ(smalls.size(), Arena::blocks_in_a_slab(sizes[small]) + larges_in_a_slab - 2);
    EXPECT_EQ(arena.allocate(middle), nullptr);
    release_all(arena, smalls);
    arena.release(first);
    EXPECT_NE(arena.allocate(large), nullptr);
    arena.release(second);
}

TEST(Arena, NeedsNothingOfTheSystemWhileItIsWarm) {
    Arena arena(sizes, 8);
    const auto pass = [&] {
        for (const std::size_t size_index : {small, middle, large}) {
            std::array<void*, 5> blocks{};
            std::ranges::generate(blocks, [&] { return arena.allocate(size_index); });
            for (void* block : blocks) {
                ASSERT_NE(block, nullptr);
                arena.release(block);
            }
        }
    };
    pass();
    const auto warm = allocations();
    const std::size_t idle = arena.idle_bytes();
    const NoMemory none;
    for (int i = 0; i < 1000; ++i) {
        pass();
        ASSERT_EQ(arena.idle_bytes(), idle);
    }
    EXPECT_EQ(allocations(), warm);
}

TEST(Arena, KeepsWhatWasUsedLastAndNoMoreThanItMay) {
    Arena arena(sizes, 64);
    auto blocks = take_all(arena, large);
    void* last = blocks.back();
    blocks.pop_back();
    std::memset(last, 1, sizes[large]);
    release_all(arena, blocks);
    EXPECT_GT(arena.idle_bytes(), Arena::idle_bytes_max) << "in a call, which may be undone";
    arena.give_back_excess();
    EXPECT_LE(arena.idle_bytes(), Arena::idle_bytes_max);
    EXPECT_GT(arena.idle_bytes(), Arena::idle_bytes_max / 2);
    arena.release(last);
    arena.give_back_excess();
    EXPECT_LE(arena.idle_bytes(), Arena::idle_bytes_max);
    EXPECT_TRUE(is_resident(last));
}

TEST(Arena, ThatIsRefusedMemoryUsesWhatItHas) {
    constexpr std::size_t more = 2;
    Arena arena(sizes, Arena::first_slabs + more);
    std::array<void*, (Arena::first_slabs * larges_in_a_slab) + 1> blocks{};
    std::ranges::generate(blocks, [&] { return arena.allocate(large); });
    void* last = arena.allocate(small); // of a slab of its own, of which there is no other yet
    const NoMemory none;
    for (std::size_t i = 1; i < larges_in_a_slab; ++i) {
        EXPECT_NE(arena.allocate(middle), nullptr) << "a larger one";
    }
    EXPECT_EQ(arena.allocate(middle), nullptr);
    arena.release(last);
    EXPECT_NE(arena.allocate(middle), nullptr) << "in the slab that is idle";
}

TEST(Arena, ThatIsTrimmedTakesMemoryAnew) {
    Arena arena(sizes, 16);
    release_all(arena, take_all(arena, large));
    arena.trim();
    EXPECT_EQ(arena.idle_bytes(), 0U);
    {
        const NoMemory none;
        EXPECT_EQ(arena.allocate(small), nullptr);
    }
    void* block = arena.allocate(small);
    EXPECT_NE(block, nullptr);
    arena.trim(); // one is in use: it stays
    std::memset(block, 1, sizes[small]);
    arena.release(block);
}

// The longest queue of the shortest messages that take blocks of a size, one of
// max_message and of those beside, and behind them 1,500 parked messages.
TEST(PayloadPool, HoldsAnyFullQueueAndTheMessagesOfParkedCalls) {
    std::vector<std::uint32_t> block_bytes;
    for (std::size_t i = 0; i < PayloadSizes::count; ++i) {
        block_bytes.push_back(static_cast<std::uint32_t>(PayloadSizes::block_bytes(i)));
    }
    for (std::size_t i = 0; i < PayloadSizes::count; ++i) {
        Arena arena(block_bytes, PayloadPool::slabs);
        for (std::size_t other = 0; other < PayloadSizes::count; ++other) {
            ASSERT_NE(arena.allocate(other), nullptr); // of each size one is in use
        }
        const std::size_t bytes = i == 0 ? 1 : PayloadSizes::message_bytes(i - 1) + 1;
        const std::size_t depth =
            std::min<std::size_t>(IPCDEV_DEPTH_MAX, IPCDEV_QUEUE_BYTES_MAX / bytes);
        for (std::size_t message = 0; message < depth + 1500; ++message) {
            ASSERT_NE(arena.allocate(i), nullptr) << message << " messages of " << bytes;
        }
    }
}

} // namespace

} // namespace ipcdev::daemon_tests
