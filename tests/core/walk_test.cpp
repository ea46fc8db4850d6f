// SPDX-License-Identifier: MIT
//
// The walks: every state of three clients at small devices. Each ends at a
// fixpoint and says how many states it saw.
#include <gtest/gtest.h>

#include <iostream>

#include "engine_under_test.h"
#include "walk.h"

namespace ipcdev::test {

namespace {

void expect_lawful(const WalkPlan& plan) {
    Walk walk(plan, make_engine_under_test);
    const WalkReport report = walk.run();
    std::cout << plan.clients << " clients, each: " << walk.alphabet_text() << '\n'
              << report.states << " states, " << report.transitions
              << " transitions, the farthest state is " << report.depth << " inputs away\n";
    EXPECT_EQ(report.counterexample, "");
}

constexpr SettingsChange to_fifo_of_1{.mode = IPCDEV_MODE_FIFO, .depth = 1};
constexpr SettingsChange to_slot{.mode = IPCDEV_MODE_SLOT};
constexpr SettingsChange out_of_range{.max_message = IPCDEV_MESSAGE_MAX + 1};

} // namespace

TEST(Walk, AFifoOfDepth1AndASlotReconfiguredIntoEachOther) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 1, .max_message = 3},
                   .counts = {0, 1, 9},
                   .sizes = {0, 1, 3, 4},
                   .changes = {to_slot, to_fifo_of_1, out_of_range}});
}

TEST(Walk, AFifoOfDepth2) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 2, .max_message = 3},
                   .counts = {1, 9},
                   .sizes = {1, 3}});
}

TEST(Walk, AFifoOfDepth3) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 3, .max_message = 2},
                   .counts = {1, 9},
                   .sizes = {1, 2}});
}

} // namespace ipcdev::test
