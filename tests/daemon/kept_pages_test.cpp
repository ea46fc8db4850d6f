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
#include <stdexcept>
#include <string>
#include <vector>

#include "kept.h"
#include "pages.h"
#include "payload.h"
#include "reply.h"
#include "support/sanitizers.h"
#include "support/waiting.h"

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

TEST(SharedPages, GoOnInAnotherProgramWithTheirPartsWhereTheyWere) {
    int memory = -1;
    std::string layout;
    const std::byte* device = nullptr;
    {
        SharedRange range;
        const Pages first(5000, Part::device);
        const Pages pool(5000);
        const Pages second(100, Part::request);
        first.bytes()[4999] = std::byte{1};
        pool.bytes()[4999] = std::byte{2};
        second.bytes()[99] = std::byte{3};
        device = first.begin();
        layout = range.layout();
        memory = dup(range.hand_over());
    }
    const SharedRange range(memory);
    const Pages second(100, Part::request);
    const Pages first(5000, Part::device);
    const Pages later(1);
    EXPECT_EQ(first.begin(), device);
    EXPECT_EQ(first.bytes()[4999], std::byte{1});
    EXPECT_EQ((std::span(first.begin() + (2 * 4096), 5000)[4999]), std::byte{2}) << "the pool";
    EXPECT_EQ(second.bytes()[99], std::byte{3});
    EXPECT_GT(later.begin(), second.begin()) << "what is new comes after all";
    EXPECT_EQ(layout.substr(0, 2), range.layout().substr(0, 2));
}

TEST(SharedPages, AreKnownInAnotherProgram) {
    int memory = -1;
    std::size_t used = 0;
    const std::byte* pool = nullptr;
    {
        SharedRange range;
        const Pages first(5000, Part::device);
        const Pages second(5000);
        pool = second.begin();
        used = range.used();
        memory = dup(range.hand_over());
    }
    const SharedRange range(memory);
    EXPECT_EQ(range.used(), used);
    EXPECT_TRUE(range.gave(pool, 5000));
    EXPECT_FALSE(range.gave(pool, 5001));
    EXPECT_FALSE(range.gave(pool + 4096, 5000));
    EXPECT_TRUE(range.has(pool + 4999, 1));
    EXPECT_FALSE(range.has(pool + 8192, 1)) << "nobody took it";
    EXPECT_FALSE(range.has(pool - (3 * 4096), 1)) << "what is handed over is no page of anybody";
}

TEST(SharedPages, AreTheSameLayoutWhenTakenAgain) {
    SharedRange range;
    const Pages first(5000, Part::device);
    const std::size_t used = range.used();
    const Pages second(5000);
    const std::string layout = range.layout();
    for (int i = 0; i < 100; ++i) {
        range.take_again_from(used);
        EXPECT_EQ(Pages(5000).begin(), second.begin());
    }
    EXPECT_EQ(range.layout(), layout);
}

// A server that goes wrong does not mislead the next program.
TEST(SharedPages, DoNotLetAServerChangeWhatIsHandedOver) {
    SharedRange range;
    const Pages pages(1);
    static_cast<void>(range.hand_over());
    const int status = status_of(in_a_child([] {
        signal(SIGSEGV, SIG_DFL); // a sanitizer would report it
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        *reinterpret_cast<volatile char*>(UndoLog::watched_begin) = 0;
    }));
    EXPECT_TRUE(WIFSIGNALED(status)) << status;
    EXPECT_EQ(range.hand_over(), range.hand_over()) << "the keeper may, more than once";
    pages.bytes()[0] = std::byte{1};
}

TEST(SharedPages, HaveAnotherLayoutIfAnythingHasAnotherSize) {
    const auto layout_of = [](std::size_t device, std::size_t pool) {
        const SharedRange range;
        const Pages first(device, Part::device);
        const Pages second(pool);
        return range.layout();
    };
    EXPECT_EQ(layout_of(100, 200), layout_of(100, 200));
    EXPECT_NE(layout_of(100, 200), layout_of(101, 200)) << "which takes as many pages";
    EXPECT_NE(layout_of(100, 200), layout_of(100, 208));
    EXPECT_NE(layout_of(100, 200), layout_of(200, 100));
}

TEST(SharedPages, AreNotTakenFromAnyFile) {
    EXPECT_THROW(SharedRange(memfd_create("another", MFD_CLOEXEC)), std::runtime_error);
    EXPECT_THROW(SharedRange(open("/dev/null", O_RDWR | O_CLOEXEC)), std::runtime_error);
    EXPECT_EQ(SharedRange::current(), nullptr);
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
    if (test::sanitized) {
        GTEST_SKIP() << "the sanitizer takes mlock(2) for itself, and locks nothing";
    }
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
    test::wait_until([&] { return !std::ranges::equal(all, text); });
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
