// SPDX-License-Identifier: MIT
//
// Unit tests of the pools: what they reuse, keep and refuse.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <span>
#include <vector>

#include "failing_memory.h"
#include "payload.h"
#include "pending.h"
#include "uapi/ipcdev.h"

namespace ipcdev::daemon_tests {

namespace {

std::vector<std::byte> bytes_of(std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<std::byte>(i * 7 + size);
    }
    return bytes;
}

bool holds(Payload& payload, const std::vector<std::byte>& bytes) {
    const Slice whole{.message = nullptr, .begin = 0, .end = payload.size};
    return std::ranges::equal(payload.bytes(whole), bytes);
}

// Of the pages from the first of these to the last. Of the whole process a sanitizer has some too.
std::size_t resident_bytes(const std::vector<Payload*>& payloads) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const auto [first, last] = std::ranges::minmax_element(payloads);
    const auto begin = reinterpret_cast<std::uintptr_t>(*first) / page * page;
    const auto end = reinterpret_cast<std::uintptr_t>(*last) + IPCDEV_MESSAGE_MAX;
    std::vector<unsigned char> pages((end - begin + page - 1) / page);
    if (mincore(reinterpret_cast<void*>(begin), end - begin, pages.data()) == -1) {
        ADD_FAILURE() << strerror(errno);
    }
    const auto resident =
        std::ranges::count_if(pages, [](unsigned char of) { return (of & 1U) != 0; });
    return static_cast<std::size_t>(resident) * page;
}

TEST(PayloadPool, HoldsMessagesOfEverySizeWhole) {
    PayloadPool pool;
    std::vector<Payload*> made;
    std::vector<std::size_t> sizes;
    for (std::size_t size = IPCDEV_MESSAGE_MIN; size <= IPCDEV_MESSAGE_MAX; size *= 2) {
        for (const std::size_t near : {size - 1, size, size + 1}) {
            if (near >= IPCDEV_MESSAGE_MIN && near <= IPCDEV_MESSAGE_MAX) {
                sizes.push_back(near);
            }
        }
    }
    for (const std::size_t size : sizes) {
        made.push_back(pool.make(bytes_of(size)));
    }
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        ASSERT_NE(made[i], nullptr);
        EXPECT_EQ(made[i]->size, sizes[i]);
        EXPECT_TRUE(holds(*made[i], bytes_of(sizes[i]))) << sizes[i];
        pool.release(*made[i]);
    }
}

TEST(PayloadPool, GivesAStretchOfTheBytes) {
    PayloadPool pool;
    const auto bytes = bytes_of(100);
    Payload* payload = pool.make(bytes);
    const auto middle = payload->bytes({.message = payload, .begin = 10, .end = 90});
    EXPECT_TRUE(std::ranges::equal(middle, std::span(bytes).subspan(10, 80)));
    pool.release(*payload);
}

TEST(PayloadPool, AllocatesNothingOnceItIsWarm) {
    PayloadPool pool;
    const auto pass = [&](std::size_t size, const std::vector<std::byte>& bytes) {
        Payload* payload = pool.make(std::span(bytes).first(size));
        ASSERT_NE(payload, nullptr);
        pool.release(*payload);
    };
    const auto bytes = bytes_of(IPCDEV_MESSAGE_MAX);
    for (std::size_t index = 0; index < PayloadSizes::count; ++index) {
        pass(PayloadSizes::message_bytes(index), bytes);
    }
    const auto warm = allocations();
    for (std::size_t i = 0; i < 10'000; ++i) {
        pass(i * 97 % IPCDEV_MESSAGE_MAX + 1, bytes);
    }
    EXPECT_EQ(allocations(), warm);
}

TEST(PayloadPool, ReusesABlockForAMessageOfAboutItsSize) {
    PayloadPool pool;
    Payload* first = pool.make(bytes_of(128));
    pool.release(*first);
    Payload* second = pool.make(bytes_of(121));
    EXPECT_EQ(static_cast<void*>(first), static_cast<void*>(second));
    EXPECT_TRUE(holds(*second, bytes_of(121)));
    pool.release(*second);
}

TEST(PayloadPool, HasABlockForEverySizeOfWhichAtMostANinthIsUnused) {
    for (std::size_t bytes = IPCDEV_MESSAGE_MIN; bytes <= IPCDEV_MESSAGE_MAX; ++bytes) {
        const std::size_t index = PayloadSizes::index(bytes);
        ASSERT_LT(index, PayloadSizes::count);
        ASSERT_GE(PayloadSizes::message_bytes(index), bytes);
        ASSERT_TRUE(index == 0 || PayloadSizes::message_bytes(index - 1) < bytes) << bytes;
        const std::size_t unused = PayloadSizes::message_bytes(index) - bytes;
        ASSERT_TRUE(unused < 8 || unused * 9 <= PayloadSizes::message_bytes(index)) << bytes;
    }
}

TEST(PayloadPool, KeepsAtMost8MiBOfWhatIsUnused) {
    PayloadPool pool;
    const auto bytes = bytes_of(IPCDEV_MESSAGE_MAX);
    std::vector<Payload*> made(500);
    for (Payload*& payload : made) {
        payload = pool.make(bytes);
    }
    EXPECT_GE(resident_bytes(made), made.size() * IPCDEV_MESSAGE_MAX);
    EXPECT_EQ(pool.idle_bytes(), 0U);
    for (Payload* payload : made) {
        pool.release(*payload);
    }
    pool.give_back_excess();
    EXPECT_GT(pool.idle_bytes(), std::size_t{6} << 20U);
    EXPECT_LE(pool.idle_bytes(), std::size_t{8} << 20U);
    EXPECT_LT(resident_bytes(made), std::size_t{9} << 20U);
    pool.trim();
    EXPECT_EQ(pool.idle_bytes(), 0U);
    EXPECT_LT(resident_bytes(made), std::size_t{1} << 20U);
}

TEST(PayloadPool, IsNullWhereThereIsNoMemoryAndWorksAgainAfterwards) {
    PayloadPool pool;
    const auto bytes = bytes_of(IPCDEV_MESSAGE_MAX);
    constexpr std::size_t at_first = Arena::first_slabs * Arena::slab_bytes;
    std::vector<Payload*> kept;
    kept.reserve(at_first / bytes.size());
    {
        const NoMemory none;
        while (Payload* payload = pool.make(bytes)) { // what it has needs no memory
            kept.push_back(payload);
        }
        EXPECT_LE(kept.size() * bytes.size(), at_first);
        EXPECT_GT(kept.size() * bytes.size(), at_first * 9 / 10);
        pool.release(*kept.back());
        kept.back() = pool.make(bytes);
        EXPECT_NE(kept.back(), nullptr);
    }
    Payload* another = pool.make(bytes);
    EXPECT_NE(another, nullptr);
    pool.release(*another);
    for (Payload* payload : kept) {
        pool.release(*payload);
    }
}

TEST(PendingCalls, GivesDistinctIdleCallsAtStableAddresses) {
    PendingCalls calls;
    std::set<PendingCall*> made;
    for (int i = 0; i < 1000; ++i) {
        PendingCall* call = calls.make();
        ASSERT_NE(call, nullptr);
        EXPECT_EQ(call->state, RequestState::idle);
        EXPECT_FALSE(call->hook.linked());
        EXPECT_TRUE(made.insert(call).second);
        call->bytes = static_cast<std::uint64_t>(i);
    }
    std::uint64_t sum = 0;
    for (PendingCall* call : made) {
        sum += call->bytes;
        calls.release(*call);
    }
    EXPECT_EQ(sum, 1000U * 999U / 2);
}

TEST(PendingCalls, ReusesWhatWasReleasedWithoutItsPast) {
    PendingCalls calls;
    PendingCall* first = calls.make();
    first->state = RequestState::completed;
    first->error = 5;
    calls.release(*first);
    const auto warm = allocations();
    PendingCall* second = calls.make();
    EXPECT_EQ(second, first);
    EXPECT_EQ(second->state, RequestState::idle);
    EXPECT_EQ(second->message, nullptr);
    EXPECT_EQ(second->open, nullptr);
    EXPECT_EQ(allocations(), warm);
    calls.release(*second);
}

TEST(PendingCalls, CanAlwaysTakeBackWhatItGave) {
    PendingCalls calls;
    std::vector<PendingCall*> made;
    for (int i = 0; i < 100; ++i) {
        made.push_back(calls.make());
    }
    const NoMemory none;
    for (PendingCall* call : made) {
        calls.release(*call);
    }
}

TEST(PendingCalls, AreThereForAsManyAsCanBeParkedWhereverTheMemoryIs) {
    PendingCalls calls;
    std::vector<PendingCall*> made;
    made.reserve(PendingCalls::count);
    {
        const NoMemory none;
        while (PendingCall* call = calls.make()) {
            made.push_back(call);
        }
        EXPECT_EQ(made.size(), PendingCalls::count);
        EXPECT_GT(made.size(), std::size_t{IPCDEV_PARKED_MAX});
        EXPECT_EQ(calls.make(), nullptr);
        calls.release(*made.back());
        EXPECT_EQ(calls.make(), made.back());
    }
    for (PendingCall* each : made) {
        calls.release(*each);
    }
}

} // namespace

} // namespace ipcdev::daemon_tests
