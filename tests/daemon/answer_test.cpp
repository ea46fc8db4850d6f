// SPDX-License-Identifier: MIT
//
// Unit tests of what a Reply writes, on a pipe in place of the connection, and of
// ParkedCalls.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/fuse.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "failing_memory.h"
#include "payload.h"
#include "pending.h"

namespace ipcdev::daemon_tests {

namespace {

constexpr std::uint64_t unique = 0x1'0000'0002;

class Answer : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_EQ(pipe2(pipe_.data(), O_CLOEXEC | O_NONBLOCK), 0); }
    void TearDown() override {
        close(pipe_[0]);
        close(pipe_[1]);
    }

    [[nodiscard]] int connection() const { return pipe_[1]; }

    // What one read finds: one answer, if it was written by one call.
    std::vector<std::byte> written() {
        std::vector<std::byte> bytes(1000);
        const ssize_t got = read(pipe_[0], bytes.data(), bytes.size());
        bytes.resize(got == -1 ? 0 : static_cast<std::size_t>(got));
        return bytes;
    }

    static void expect_header(const std::vector<std::byte>& answer, int error) {
        fuse_out_header header{};
        ASSERT_GE(answer.size(), sizeof(header));
        std::memcpy(&header, answer.data(), sizeof(header));
        EXPECT_EQ(header.len, answer.size());
        EXPECT_EQ(header.error, error);
        EXPECT_EQ(header.unique, unique);
    }

  private:
    std::array<int, 2> pipe_{};
};

TEST_F(Answer, OfAnErrorIsAHeaderWithTheNegativeErrno) {
    EXPECT_TRUE(Reply(connection(), unique).error(EAGAIN));
    const auto answer = written();
    EXPECT_EQ(answer.size(), 16U);
    expect_header(answer, -EAGAIN);
}

TEST_F(Answer, OfNothingIsAHeaderAlone) {
    EXPECT_TRUE(Reply(connection(), unique).success());
    const auto answer = written();
    EXPECT_EQ(answer.size(), 16U);
    expect_header(answer, 0);
}

TEST_F(Answer, ToAWriteHasItsCount) {
    EXPECT_TRUE(Reply(connection(), unique).count(4096));
    const auto answer = written();
    ASSERT_EQ(answer.size(), sizeof(fuse_out_header) + sizeof(fuse_write_out));
    expect_header(answer, 0);
    fuse_write_out out{};
    std::memcpy(&out, &answer[sizeof(fuse_out_header)], sizeof(out));
    EXPECT_EQ(out.size, 4096U);
}

// A reply can be refused, and then what lies before it is still somebody's.
TEST_F(Answer, OfAStretchLeavesTheBytesBeforeItAsTheyWere) {
    std::vector<std::byte> text(100);
    for (std::size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<std::byte>(i);
    }
    PayloadPool pool;
    Payload* payload = pool.make(text);
    const Slice whole{.message = payload, .begin = 0, .end = 100};
    for (const std::uint32_t begin : {0U, 1U, 15U, 16U, 60U}) {
        Reply reply(connection(), unique);
        EXPECT_TRUE(reply.bytes_in_place(payload->bytes({payload, begin, 80})));
        const auto answer = written();
        expect_header(answer, 0);
        EXPECT_TRUE(
            std::equal(answer.begin() + 16, answer.end(), text.begin() + begin, text.begin() + 80))
            << begin;
        EXPECT_TRUE(std::ranges::equal(payload->bytes(whole), text)) << begin;
    }
    Reply refused(-1, unique);
    EXPECT_FALSE(refused.bytes_in_place(payload->bytes({payload, 20, 80})));
    EXPECT_TRUE(std::ranges::equal(payload->bytes(whole), text));
    pool.release(*payload);
}

TEST_F(Answer, IsGivenOnceAndEIOWhereItIsDropped) {
    { const Reply none; }
    EXPECT_TRUE(written().empty());
    { const Reply dropped(connection(), unique); }
    expect_header(written(), -EIO);
    {
        Reply first(connection(), unique);
        Reply second(std::move(first));
        EXPECT_TRUE(second.success());
    }
    expect_header(written(), 0);
    EXPECT_TRUE(written().empty()) << "twice";
}

// In this program assertions are on in every build.
TEST(AnswerDeathTest, GivenTwiceIsABug) {
    const auto twice = [] {
        Reply reply(-1, unique);
        reply.success();
        reply.count(1);
    };
    const auto after_a_move = [] {
        Reply reply(-1, unique);
        const Reply moved(std::move(reply));
        reply.error(EIO);
    };
    const auto to_no_request = [] { Reply().error(EIO); };
    EXPECT_DEATH(twice(), "unique_ != 0");
    EXPECT_DEATH(after_a_move(), "unique_ != 0");
    EXPECT_DEATH(to_no_request(), "unique_ != 0");
}

TEST(ParkedCalls, FindsEachByItsIdAndNoOther) {
    // As the kernel may count: by two, by a power of two, and from anywhere.
    for (const std::uint64_t step : {2U, 8192U, 1U << 31U}) {
        PendingCalls calls;
        ParkedCalls parked;
        std::vector<PendingCall*> made;
        for (std::uint64_t i = 0; i < 4096; ++i) {
            made.push_back(calls.make());
            made.back()->id = unique + i * step;
        }
        const NoMemory none; // nor is any needed
        for (PendingCall* call : made) {
            EXPECT_EQ(parked.find(call->id), nullptr);
            parked.add(*call);
        }
        for (PendingCall* call : made) {
            EXPECT_EQ(parked.find(call->id), call);
            EXPECT_EQ(parked.find(call->id + 1), nullptr);
        }
        for (PendingCall* call : made) {
            parked.remove(*call);
            EXPECT_EQ(parked.find(call->id), nullptr);
            parked.remove(*call); // it is not there: nothing happens
            calls.release(*call);
        }
    }
}

} // namespace

} // namespace ipcdev::daemon_tests
