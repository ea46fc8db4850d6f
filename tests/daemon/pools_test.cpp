// SPDX-License-Identifier: MIT
//
// Unit tests of the pools: what they reuse, keep and refuse.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
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
    for (std::size_t size = 1; size <= IPCDEV_MESSAGE_MAX; size *= 2) {
        pass(size, bytes);
    }
    const auto warm = allocations();
    for (std::size_t i = 0; i < 10'000; ++i) {
        pass(i * 97 % IPCDEV_MESSAGE_MAX + 1, bytes);
    }
    EXPECT_EQ(allocations(), warm);
}

TEST(PayloadPool, ReusesABufferForASmallerMessageOfItsClass) {
    PayloadPool pool;
    Payload* first = pool.make(bytes_of(128));
    pool.release(*first);
    Payload* second = pool.make(bytes_of(65));
    EXPECT_EQ(static_cast<void*>(first), static_cast<void*>(second));
    EXPECT_TRUE(holds(*second, bytes_of(65)));
    pool.release(*second);
}

TEST(PayloadPool, KeepsAtMost4MiBOfWhatIsUnused) {
    PayloadPool pool;
    const auto bytes = bytes_of(IPCDEV_MESSAGE_MAX);
    std::vector<Payload*> made(200);
    const auto before = live_allocations();
    for (Payload*& payload : made) {
        payload = pool.make(bytes);
    }
    EXPECT_EQ(live_allocations() - before, 200);
    for (Payload* payload : made) {
        pool.release(*payload);
    }
    EXPECT_EQ(live_allocations() - before, 64);
}

TEST(PayloadPool, GivesEverythingBackAtItsEnd) {
    const auto bytes = bytes_of(IPCDEV_MESSAGE_MAX);
    const auto before = live_allocations();
    {
        PayloadPool pool;
        for (std::size_t size = 1; size <= IPCDEV_MESSAGE_MAX; size *= 2) {
            pool.release(*pool.make(std::span(bytes).first(size)));
        }
        EXPECT_GT(live_allocations(), before);
    }
    EXPECT_EQ(live_allocations(), before);
}

TEST(PayloadPool, IsNullWhereThereIsNoMemoryAndWorksAgainAfterwards) {
    PayloadPool pool;
    const auto bytes = bytes_of(1000);
    Payload* kept = pool.make(bytes);
    {
        const NoMemory none;
        EXPECT_EQ(pool.make(bytes), nullptr);
        pool.release(*kept);
        kept = pool.make(bytes); // what it keeps needs no memory
        EXPECT_NE(kept, nullptr);
    }
    Payload* another = pool.make(bytes);
    EXPECT_NE(another, nullptr);
    pool.release(*another);
    pool.release(*kept);
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
    EXPECT_EQ(second->file, nullptr);
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

TEST(PendingCalls, IsNullWhereThereIsNoMemoryAndLosesNone) {
    // Fails at each of the allocations that making one takes.
    for (std::size_t before = 0; before < 4; ++before) {
        PendingCalls calls;
        std::vector<PendingCall*> made;
        made.reserve(1000);
        const auto start = live_allocations();
        for (int i = 0; i < 100; ++i) {
            const NoMemory few(before);
            if (PendingCall* call = calls.make(); call != nullptr) {
                made.push_back(call);
            }
        }
        // A call each, and the two lists of them.
        EXPECT_LE(live_allocations() - start, static_cast<std::ptrdiff_t>(made.size()) + 2)
            << "with " << before << " allocations that succeed";
        PendingCall* call = calls.make();
        EXPECT_NE(call, nullptr);
        calls.release(*call);
        for (PendingCall* each : made) {
            calls.release(*each);
        }
    }
}

} // namespace

} // namespace ipcdev::daemon_tests
