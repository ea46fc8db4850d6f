// SPDX-License-Identifier: MIT
//
// Unit tests of opens: what tells the rest of a read that the kernel has split, and the numbers
// by which the kernel names them.
// Contract: R2 R3 R6
#include <gtest/gtest.h>

#include <fcntl.h>

#include <set>
#include <vector>

#include "failing_memory.h"
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
    OpenFile file_;
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

class Opens : public ::testing::Test {
  protected:
    ~Opens() override {
        while (OpenFile* file = files_.first()) {
            files_.release(*file);
        }
    }

    OpenFile& make() { return *files_.make(O_RDWR, account_); }

    Account account_{.privileged = false, .parked = 0, .copies = 0};
    OpenFiles files_;
};

TEST_F(Opens, AreFoundByTheirHandles) {
    std::vector<OpenFile*> made;
    std::set<std::uint64_t> handles;
    for (int i = 0; i < 1000; ++i) {
        made.push_back(&make());
        EXPECT_TRUE(handles.insert(files_.handle(*made.back())).second);
    }
    for (OpenFile* file : made) {
        EXPECT_EQ(&files_.of(files_.handle(*file)), file);
    }
}

TEST_F(Opens, HaveAHandleThatIsAPlaceAndHowOftenItWasUsed) {
    OpenFile& first = make();
    OpenFile& second = make();
    EXPECT_EQ(files_.handle(first), 0x1'0000'0000U);
    EXPECT_EQ(files_.handle(second), 0x1'0000'0001U);
    files_.release(first);
    OpenFile& third = make();
    EXPECT_EQ(&third, &first) << "its place is used again";
    EXPECT_EQ(files_.handle(third), 0x2'0000'0000U);
    EXPECT_EQ(&files_.of(0x2'0000'0000U), &third);
    EXPECT_EQ(files_.handle(second), 0x1'0000'0001U) << "as before";
}

// In this program assertions are on in every build.
TEST_F(Opens, ThatAreGoneAreNotFound) {
    OpenFile& first = make();
    const std::uint64_t gone = files_.handle(first);
    files_.release(first);
    make();
    EXPECT_DEATH(static_cast<void>(files_.of(gone)), "generation_");
}

TEST_F(Opens, HaveNothingOfTheOneWhosePlaceTheyGot) {
    OpenFile& first = *files_.make(O_RDONLY | O_NONBLOCK, account_);
    first.batch = true;
    first.remember_read(end_of_a_part, true);
    files_.release(first);
    Account another{.privileged = true, .parked = 0, .copies = 0};
    OpenFile& second = *files_.make(O_WRONLY, another);
    ASSERT_EQ(&second, &first);
    EXPECT_EQ(second.flags, O_WRONLY);
    EXPECT_EQ(second.account, &another);
    EXPECT_FALSE(second.batch);
    EXPECT_EQ(second.furthest_part_end(), 0);
    Message message(60'000);
    message.sequence = end_of_a_part.sequence;
    message.whole.slice = {.message = &message, .begin = end_of_a_part.next, .end = message.size};
    second.begun.push_back(message.whole);
    EXPECT_FALSE(second.goes_on(thread, end_of_a_part.offset));
    second.begun.pop_front();
}

TEST_F(Opens, AreNullBeyondTheirNumberWhichNeedsNoOtherMemory) {
    const NoMemory none;
    for (std::size_t i = 0; i < OpenFiles::count; ++i) {
        ASSERT_NE(files_.make(O_RDWR, account_), nullptr) << i;
    }
    EXPECT_EQ(files_.make(O_RDWR, account_), nullptr);
    OpenFile* first = files_.first();
    files_.release(*first);
    EXPECT_EQ(files_.make(O_RDWR, account_), first);
}

class Users : public ::testing::Test {
  protected:
    static constexpr uid_t server = 100;
    static constexpr uid_t owner = 200;
    Accounts accounts_{server, owner};
};

TEST_F(Users, ShareThePrivilegedAccountIfTheyServeOrOwn) {
    Account* root = accounts_.open(0);
    EXPECT_TRUE(root->privileged);
    EXPECT_EQ(accounts_.open(server), root);
    EXPECT_EQ(accounts_.open(owner), root);
    Account* other = accounts_.open(300);
    EXPECT_FALSE(other->privileged);
    for (Account* account : {root, root, root, other}) {
        accounts_.close(*account);
    }
    const Accounts of_the_server(server, std::nullopt);
}

TEST_F(Users, HaveOneAccountEachUntilTheLastClose) {
    Account* first = accounts_.open(300);
    EXPECT_EQ(accounts_.open(300), first);
    Account* same_chain = accounts_.open(300 + 1024);
    EXPECT_NE(same_chain, first);
    accounts_.close(*first);
    EXPECT_EQ(accounts_.open(300), first);
    accounts_.close(*first);
    accounts_.close(*first);
    EXPECT_EQ(accounts_.open(400), first) << "its place is used again";
    EXPECT_EQ(accounts_.open(300 + 1024), same_chain);
    accounts_.close(*first);
    accounts_.close(*same_chain);
    accounts_.close(*same_chain);
}

TEST_F(Users, AreRefusedBeyondTheirNumber) {
    std::vector<Account*> open;
    for (uid_t user = 1000; user < 1000 + Accounts::count; ++user) {
        open.push_back(accounts_.open(user));
        ASSERT_NE(open.back(), nullptr);
    }
    EXPECT_EQ(accounts_.open(999), nullptr);
    EXPECT_NE(accounts_.open(0), nullptr);
    accounts_.close(*open.back());
    open.back() = accounts_.open(999);
    EXPECT_NE(open.back(), nullptr);
    for (Account* account : open) {
        accounts_.close(*account);
    }
}

} // namespace

} // namespace ipcdev::daemon_tests
