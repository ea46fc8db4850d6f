// SPDX-License-Identifier: MIT
//
// The walks: every state of three clients at small devices, reading by one to three opens, of
// two to four that do batches too, and of four or five of several users where few operations may
// be. Each ends at a fixpoint and says how many states it saw.
#include <gtest/gtest.h>

#include <iostream>

#include "engine_under_test.h"
#include "walk.h"

namespace ipcdev::test {

namespace {

void expect_lawful(const WalkPlan& plan) {
    Walk walk(plan, make_engine_under_test);
    const WalkReport report = walk.run();
    std::cout << plan.clients << " clients, " << plan.opens
              << " opens to read by, each: " << walk.alphabet_text() << '\n'
              << report.states << " states, " << report.transitions
              << " transitions, the farthest state is " << report.depth << " inputs away\n";
    EXPECT_EQ(report.counterexample, "");
}

constexpr SettingsChange to_fifo_of_1{.mode = IPCDEV_MODE_FIFO, .depth = 1};
constexpr SettingsChange to_slot{.mode = IPCDEV_MODE_SLOT};
constexpr SettingsChange to_ring_of_2{.mode = IPCDEV_MODE_RING, .depth = 2};
constexpr SettingsChange out_of_range{.max_message = IPCDEV_MESSAGE_MAX + 1};

} // namespace

// --- all reads by one open, as threads make them

TEST(Walk, AFifoOfDepth1ASlotAndARingReconfiguredIntoEachOther) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 1, .max_message = 3},
                   .opens = 1,
                   .counts = {0, 1, 9},
                   .sizes = {0, 1, 3, 4},
                   .changes = {to_slot, to_fifo_of_1, to_ring_of_2, out_of_range}});
}

TEST(Walk, AFifoOfDepth2) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 2, .max_message = 3},
                   .opens = 1,
                   .counts = {1, 9},
                   .sizes = {1, 3}});
}

// --- by several

TEST(Walk, TwoOpensAtAFifoOfDepth1ASlotAndARingReconfiguredIntoEachOther) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 1, .max_message = 2},
                   .opens = 2,
                   .counts = {1, 9},
                   .sizes = {1, 2},
                   .changes = {to_slot, to_fifo_of_1, to_ring_of_2}});
}

// Messages that are cut into three, and come back in any order.
TEST(Walk, TwoOpensAtAFifoOfDepth1) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 1, .max_message = 3},
                   .opens = 2,
                   .counts = {1, 9},
                   .sizes = {3}});
}

TEST(Walk, ThreeOpensAtAFifoOfDepth2) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 2, .max_message = 2},
                   .opens = 3,
                   .counts = {1, 9},
                   .sizes = {1, 2}});
}

TEST(Walk, TwoOpensAtAFifoOfDepth3) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 3, .max_message = 2},
                   .opens = 2,
                   .counts = {1, 9},
                   .sizes = {1, 2}});
}

TEST(Walk, ThreeOpensAtASlot) {
    expect_lawful({.settings = {.mode = Mode::slot, .depth = 1, .max_message = 2},
                   .opens = 3,
                   .counts = {1, 9},
                   .sizes = {1, 2}});
}

TEST(Walk, TwoOpensAtARingOfDepth2) {
    expect_lawful({.settings = {.mode = Mode::ring, .depth = 2, .max_message = 2},
                   .opens = 2,
                   .counts = {1, 9},
                   .sizes = {1, 2}});
}

TEST(Walk, ThreeOpensAtARingOfDepth2) {
    expect_lawful({.settings = {.mode = Mode::ring, .depth = 2, .max_message = 2},
                   .opens = 3,
                   .counts = {1, 9},
                   .sizes = {2}});
}

// --- batches
// Frames of so short messages are of 16 bytes: a batch read takes one, two, or three.

TEST(Walk, BatchesAtASlot) {
    expect_lawful({.settings = {.mode = Mode::slot, .depth = 1, .max_message = 3},
                   .opens = 2,
                   .counts = {9},
                   .sizes = {3},
                   .batch_counts = {15, 16, 32},
                   .batch_sizes = {{1, 3}, {4, 1}, {1, 1, 1}}});
}

TEST(Walk, BatchesAtAFifoOfDepth1AndASlot) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 1, .max_message = 1},
                   .clients = 4,
                   .opens = 1,
                   .counts = {1},
                   .sizes = {1},
                   .batch_counts = {16, 32, 48},
                   .batch_sizes = {{1, 1}, {1, 1, 1}},
                   .changes = {to_slot, to_fifo_of_1}});
}

TEST(Walk, BatchesAtAFifoOfDepth2) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 2, .max_message = 1},
                   .clients = 4,
                   .opens = 2,
                   .counts = {1},
                   .sizes = {1},
                   .batch_counts = {16, 32},
                   .batch_sizes = {{1, 1}, {1, 1, 1}}});
}

TEST(Walk, BatchesAtAFifoOfDepth3) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 3, .max_message = 1},
                   .clients = 4,
                   .opens = 1,
                   .counts = {1},
                   .sizes = {1},
                   .batch_counts = {16, 32},
                   .batch_sizes = {{1, 1}, {1, 1, 1}}});
}

TEST(Walk, BatchesAtARingOfDepth2) {
    expect_lawful({.settings = {.mode = Mode::ring, .depth = 2, .max_message = 1},
                   .opens = 1,
                   .counts = {1},
                   .sizes = {1},
                   .batch_counts = {16, 32},
                   .batch_sizes = {{1, 1}, {1, 1, 1}}});
}

// Messages that plain reads cut, and batch reads take and give back in parts.
TEST(Walk, BatchesOfRemaindersAtAFifoOfDepth1) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 1, .max_message = 2},
                   .opens = 1,
                   .counts = {1},
                   .sizes = {2},
                   .batch_counts = {16, 32}});
}

TEST(Walk, BatchesOfRemaindersOfTwoOpensAtAFifoOfDepth1) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 1, .max_message = 2},
                   .opens = 2,
                   .counts = {1},
                   .batch_counts = {16},
                   .batch_sizes = {{1, 2}}});
}

TEST(Walk, BatchesOfRemaindersOfTwoOpensAtAFifoOfDepth2) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 2, .max_message = 2},
                   .clients = 2,
                   .opens = 2,
                   .counts = {1},
                   .sizes = {2},
                   .batch_counts = {16, 32},
                   .batch_sizes = {{1, 2}, {1, 1, 1}}});
}

TEST(Walk, BatchesOfRemaindersOfTwoOpensAtASlot) {
    expect_lawful({.settings = {.mode = Mode::slot, .depth = 1, .max_message = 2},
                   .clients = 2,
                   .opens = 2,
                   .counts = {1, 9},
                   .sizes = {2},
                   .batch_counts = {16, 32},
                   .batch_sizes = {{1, 2}}});
}

TEST(Walk, BatchesOfRemaindersOfTwoOpensAtARingOfDepth2) {
    expect_lawful({.settings = {.mode = Mode::ring, .depth = 2, .max_message = 2},
                   .clients = 2,
                   .opens = 2,
                   .counts = {1},
                   .sizes = {2},
                   .batch_counts = {16, 32},
                   .batch_sizes = {{1, 2}}});
}

// --- limits of operations; user 0 has privilege, 1 and 2 have not

TEST(Walk, UsersAtAFullFifo) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 1, .max_message = 2},
                   .clients = 4,
                   .opens = 2,
                   .counts = {1},
                   .sizes = {2},
                   .limits = {.operations = 3, .per_user = 2, .copies = 1},
                   .users = {0, 1, 2}});
}

TEST(Walk, UsersWithMoreCopies) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 2, .max_message = 2},
                   .clients = 5,
                   .opens = 1,
                   .counts = {1},
                   .sizes = {2},
                   .limits = {.operations = 4, .per_user = 2, .copies = 2},
                   .users = {1, 2}});
}

TEST(Walk, UsersAtASlot) {
    expect_lawful({.settings = {.mode = Mode::slot, .depth = 1, .max_message = 1},
                   .clients = 4,
                   .opens = 1,
                   .counts = {1},
                   .sizes = {1},
                   .limits = {.operations = 3, .per_user = 2, .copies = 1},
                   .users = {0, 1, 2}});
}

TEST(Walk, UsersWithBatches) {
    expect_lawful({.settings = {.mode = Mode::fifo, .depth = 1, .max_message = 1},
                   .clients = 4,
                   .opens = 1,
                   .counts = {1},
                   .batch_counts = {16},
                   .batch_sizes = {{1, 1}},
                   .limits = {.operations = 3, .per_user = 2, .copies = 1},
                   .users = {1, 2}});
}

} // namespace ipcdev::test
