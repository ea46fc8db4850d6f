// SPDX-License-Identifier: MIT
//
// Unit tests of what outlives a process: pages, and what was half changed in them when it was
// killed.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <functional>
#include <new>
#include <vector>

#include "kept.h"
#include "pages.h"
#include "payload.h"
#include "reply.h"

namespace ipcdev::daemon_tests {

namespace {

pid_t in_a_child(const std::function<void()>& body) {
    const pid_t child = fork();
    if (child == 0) {
        body();
        _exit(0);
    }
    return child;
}

// As waitpid(2) gives it.
int status_of(pid_t child) {
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

TEST(SharedPages, AreTheSameAtTheSameAddressInAProcessThatIsForked) {
    const SharedRange range;
    const Pages pages(3 * 4096);
    pages.bytes()[0] = std::byte{1};
    const pid_t child = in_a_child([&] {
        if (pages.bytes()[0] == std::byte{1}) {
            pages.bytes()[2 * 4096] = std::byte{2}; // which this process has not touched
        }
        raise(SIGKILL);
    });
    const int status = status_of(child);
    EXPECT_TRUE(WIFSIGNALED(status)) << status;
    EXPECT_EQ(pages.bytes()[2 * 4096], std::byte{2});
}

TEST(SharedPages, AreWhereChangesAreRecorded) {
    const SharedRange range;
    const Pages one(1);
    const Pages another(std::size_t{10} << 20U);
    for (const Pages* pages : {&one, &another}) {
        const auto begin = reinterpret_cast<std::uintptr_t>(pages->begin());
        EXPECT_GE(begin, UndoLog::watched_begin);
        EXPECT_LE(begin + pages->size(), UndoLog::watched_begin + UndoLog::watched_bytes);
    }
    EXPECT_GE(another.begin(), one.begin() + 4096) << "nor do they overlap";
}

TEST(SharedPages, AreZeroAgainWhenGivenBack) {
    const SharedRange range;
    const Pages pages(2 * 4096);
    std::ranges::fill(pages.bytes(), std::byte{0xff});
    pages.give_back(4096, 4096);
    EXPECT_EQ(pages.bytes()[4095], std::byte{0xff});
    EXPECT_EQ(pages.bytes()[4096], std::byte{0});
}

// The kernel takes no locked pages back as they are.
TEST(SharedPages, AreZeroAgainWhenGivenBackAlthoughTheyAreLocked) {
    SharedRange range;
    const Pages pages(2 * 4096);
    std::ranges::fill(pages.bytes(), std::byte{0xff});
    ASSERT_TRUE(range.lock()) << "8 KiB";
    pages.give_back(4096, 4096);
    EXPECT_EQ(pages.bytes()[4095], std::byte{0xff});
    EXPECT_EQ(pages.bytes()[4096], std::byte{0});
}

TEST(SharedPages, AreNotHadBeyondTheirRange) {
    const SharedRange range;
    EXPECT_THROW(Pages{UndoLog::watched_bytes}, std::bad_alloc);
    const Pages one(4096); // and what was refused took nothing
    EXPECT_THROW(Pages{UndoLog::watched_bytes}, std::bad_alloc);
}

TEST(SharedPages, AreNotMadeWithoutARange) {
    const Pages pages(4096);
    pages.bytes()[0] = std::byte{1};
    EXPECT_EQ(status_of(in_a_child([&] { pages.bytes()[0] = std::byte{2}; })), 0);
    EXPECT_EQ(pages.bytes()[0], std::byte{1});
}

TEST(SharedPages, KeepWhatWasCommittedInAProcessThatIsKilled) {
    struct Shared {
        UndoLog undo;
        Kept<int> value;
    };
    const SharedRange range;
    const Pages pages(sizeof(Shared));
    auto& shared = *new (pages.begin()) Shared;
    const int status = status_of(in_a_child([&] {
        shared.undo.watch();
        shared.value = 1;
        shared.undo.commit();
        shared.value = 2;
        raise(SIGKILL);
    }));
    EXPECT_TRUE(WIFSIGNALED(status)) << status;
    EXPECT_EQ(shared.value, 2);
    shared.undo.roll_back();
    EXPECT_EQ(shared.value, 1);
}

// The bytes in front of a stretch are the message's own. Here the process is killed while they
// are a header: the connection takes nothing, so that it waits in write().
TEST(KilledWhileItAnswers, LeavesAMessageThatTheNextProcessMakesWhole) {
    const SharedRange range;
    const Pages place(sizeof(UndoLog));
    auto& undo = *new (place.begin()) UndoLog;
    PayloadPool pool;
    std::vector<std::byte> text(100);
    for (std::size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<std::byte>(i);
    }
    Payload& payload = *pool.make(text);
    const auto all = payload.bytes({.message = &payload, .begin = 0, .end = 100});
    const auto rest = payload.bytes({.message = &payload, .begin = 50, .end = 100});

    std::array<int, 2> full{};
    ASSERT_EQ(pipe2(full.data(), O_CLOEXEC | O_NONBLOCK), 0);
    std::array<std::byte, 4096> page{};
    while (write(full[1], page.data(), page.size()) != -1) {
    }
    ASSERT_EQ(fcntl(full[1], F_SETFL, 0), 0);

    const pid_t child = in_a_child([&] {
        undo.watch();
        answer_bytes_in_place(full[1], 2, rest);
    });
    while (std::ranges::equal(all, text)) {
        usleep(100);
    }
    ASSERT_EQ(kill(child, SIGKILL), 0);
    EXPECT_TRUE(WIFSIGNALED(status_of(child)));
    EXPECT_FALSE(std::ranges::equal(all, text)) << "it has not waited";
    undo.roll_back();
    EXPECT_TRUE(std::ranges::equal(all, text));
    close(full[0]);
    close(full[1]);
    pool.release(payload);
}

} // namespace

} // namespace ipcdev::daemon_tests
