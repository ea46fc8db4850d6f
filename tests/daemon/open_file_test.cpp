// SPDX-License-Identifier: MIT
//
// Unit tests of what tells the rest of a read that the kernel has split.
// Contract: R2 R3 R6
#include <gtest/gtest.h>

#include "open_file.h"

namespace ipcdev::daemon_tests {

namespace {

constexpr pid_t thread = 10;
constexpr OpenFile::ReadEnd end_of_a_part{
    .thread = thread, .offset = 25600, .sequence = 7, .next = 25600};

class RestOfARead : public ::testing::Test {
  protected:
    RestOfARead() {
        message_.sequence = end_of_a_part.sequence;
        message_.whole.slice = {
            .message = &message_, .begin = end_of_a_part.next, .end = message_.size};
        file_.begun.push_back(message_.whole);
        file_.remember_read(end_of_a_part, true);
    }
    ~RestOfARead() override {
        while (file_.begun.pop_front() != nullptr) {
        }
    }

    [[nodiscard]] bool goes_on() const { return file_.goes_on(thread, end_of_a_part.offset); }

    Message message_{60'000};
    OpenFile file_{0, {}};
};

TEST_F(RestOfARead, IsWhatItsOpenHasBegunWhereThePartBeforeEnded) {
    EXPECT_TRUE(goes_on());
}

TEST_F(RestOfARead, IsNoneOfAnotherThreadOrAtAnotherOffset) {
    EXPECT_FALSE(file_.goes_on(thread + 1, end_of_a_part.offset));
    EXPECT_FALSE(file_.goes_on(thread, end_of_a_part.offset - 1));
    EXPECT_FALSE(file_.goes_on(thread, 0));
}

TEST_F(RestOfARead, IsNoneOnceTheMessageIsFinished) {
    file_.begun.pop_front();
    EXPECT_FALSE(goes_on());
}

TEST_F(RestOfARead, IsNoneOfAnotherMessage) {
    message_.sequence += 1;
    EXPECT_FALSE(goes_on());
}

// By another thread, which ended at the same offset of its call.
TEST_F(RestOfARead, IsNoneOnceAnotherReadHasGotAPart) {
    auto other = end_of_a_part;
    other.thread += 1;
    other.next = 2 * end_of_a_part.next;
    file_.remember_read(other, true);
    message_.whole.slice.begin = other.next;
    EXPECT_FALSE(goes_on());
    EXPECT_TRUE(file_.goes_on(other.thread, other.offset));
}

TEST_F(RestOfARead, IsNoneBehindAGapOrBeforeBytesThatCameBack) {
    message_.whole.slice.begin += 1;
    EXPECT_FALSE(goes_on());
    message_.whole.slice.begin -= 2;
    EXPECT_FALSE(goes_on());
}

// Of another pid namespace: all of these are 0.
TEST_F(RestOfARead, IsNoneOfAThreadThatCanNotBeToldFromOthers) {
    auto unknown = end_of_a_part;
    unknown.thread = 0;
    file_.remember_read(unknown, true);
    EXPECT_FALSE(file_.goes_on(0, end_of_a_part.offset));
}

TEST_F(RestOfARead, IsNoneOfABatch) {
    file_.remember_read({.offset = end_of_a_part.offset}, true);
    EXPECT_FALSE(goes_on());
}

TEST_F(RestOfARead, NeverBeginsBehindTheFurthestPart) {
    EXPECT_EQ(file_.furthest_part_end(), end_of_a_part.offset);
    file_.remember_read({.offset = 2 * end_of_a_part.offset}, false);
    EXPECT_EQ(file_.furthest_part_end(), end_of_a_part.offset);
    file_.remember_read({.offset = 300}, true);
    EXPECT_EQ(file_.furthest_part_end(), end_of_a_part.offset);
    file_.remember_read({.offset = 2 * end_of_a_part.offset}, true);
    EXPECT_EQ(file_.furthest_part_end(), 2 * end_of_a_part.offset);
}

} // namespace

} // namespace ipcdev::daemon_tests
