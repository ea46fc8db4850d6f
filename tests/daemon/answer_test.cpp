// SPDX-License-Identifier: MIT
//
// Unit tests of the answers' bytes, on a pipe in place of the connection, and of ParkedCalls.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "failing_memory.h"
#include "pages.h"
#include "payload.h"
#include "pending.h"
#include "reply.h"

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
        std::vector<std::byte> bytes(1U << 16U);
        const ssize_t got = read(pipe_[0], bytes.data(), bytes.size());
        bytes.resize(got == -1 ? 0 : static_cast<std::size_t>(got));
        return bytes;
    }

    static void expect_header(const std::vector<std::byte>& answer, int error,
                              std::uint64_t to = unique) {
        fuse_out_header header{};
        ASSERT_GE(answer.size(), sizeof(header));
        std::memcpy(&header, answer.data(), sizeof(header));
        EXPECT_EQ(header.len, answer.size());
        EXPECT_EQ(header.error, error);
        EXPECT_EQ(header.unique, to);
    }

    // What follows the header, which is one of success and followed by nothing else.
    template <typename Out> static Out result_of(const std::vector<std::byte>& answer) {
        Out out{};
        expect_header(answer, 0);
        EXPECT_EQ(answer.size(), sizeof(fuse_out_header) + sizeof(out));
        if (answer.size() == sizeof(fuse_out_header) + sizeof(out)) {
            std::memcpy(&out, &answer[sizeof(fuse_out_header)], sizeof(out));
        }
        return out;
    }

  private:
    std::array<int, 2> pipe_{};
};

std::vector<std::byte> numbered(std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<std::byte>(i);
    }
    return bytes;
}

// --- to reads and writes

TEST_F(Answer, OfAnErrorIsAHeaderWithTheNegativeErrno) {
    EXPECT_EQ(answer_error(connection(), unique, EAGAIN), Sent::taken);
    const auto answer = written();
    EXPECT_EQ(answer.size(), 16U);
    expect_header(answer, -EAGAIN);
}

TEST_F(Answer, OfNothingIsAHeaderAlone) {
    EXPECT_EQ(answer_error(connection(), unique, 0), Sent::taken);
    const auto answer = written();
    EXPECT_EQ(answer.size(), 16U);
    expect_header(answer, 0);
}

TEST_F(Answer, ToAWriteHasItsCount) {
    EXPECT_EQ(answer_count(connection(), unique, 4096), Sent::taken);
    EXPECT_EQ(result_of<fuse_write_out>(written()).size, 4096U);
}

TEST_F(Answer, IsRefusedWhereItCanNotBeWritten) {
    EXPECT_EQ(answer_error(-1, unique, EAGAIN), Sent::refused);
    EXPECT_EQ(answer_count(-1, unique, 1), Sent::refused);
}

// An answer can be refused, and then what lies before it is still somebody's.
TEST_F(Answer, OfAStretchLeavesTheBytesBeforeItAsTheyWere) {
    const auto text = numbered(100);
    PayloadPool pool;
    Payload* payload = pool.make(text);
    const Slice whole{.message = payload, .begin = 0, .end = 100};
    for (const std::uint32_t begin : {0U, 1U, 15U, 16U, 60U}) {
        EXPECT_EQ(answer_bytes_in_place(connection(), unique, payload->bytes({payload, begin, 80})),
                  Sent::taken);
        const auto answer = written();
        expect_header(answer, 0);
        EXPECT_TRUE(
            std::equal(answer.begin() + 16, answer.end(), text.begin() + begin, text.begin() + 80))
            << begin;
        EXPECT_TRUE(std::ranges::equal(payload->bytes(whole), text)) << begin;
    }
    EXPECT_EQ(answer_bytes_in_place(-1, unique, payload->bytes({payload, 20, 80})), Sent::refused);
    EXPECT_TRUE(std::ranges::equal(payload->bytes(whole), text));
    pool.release(*payload);
}

// --- to everything else

TEST_F(Answer, ThatIsKeptIsOwedUntilItIsSent) {
    const auto kept = std::make_unique<KeptAnswer>();
    EXPECT_FALSE(kept->is_owed());
    kept->error(unique, EINVAL);
    EXPECT_TRUE(kept->is_owed());
    EXPECT_TRUE(written().empty()) << "before it is sent";
    EXPECT_EQ(kept->send(connection()), Sent::taken);
    EXPECT_FALSE(kept->is_owed());
    const auto answer = written();
    EXPECT_EQ(answer.size(), 16U);
    expect_header(answer, -EINVAL);
    kept->error(unique + 2, 0);
    EXPECT_EQ(kept->send(-1), Sent::refused);
    EXPECT_FALSE(kept->is_owed()) << "nobody can be answered then";
    EXPECT_TRUE(written().empty());
}

TEST_F(Answer, ThatIsKeptIsTheLastOne) {
    const auto kept = std::make_unique<KeptAnswer>();
    kept->poll_events(unique, POLLIN);
    kept->error(unique + 2, 0);
    EXPECT_EQ(kept->send(connection()), Sent::taken);
    const auto answer = written();
    EXPECT_EQ(answer.size(), 16U);
    expect_header(answer, 0, unique + 2);
}

TEST_F(Answer, ToAnOpenHasItsHandleAndFlags) {
    const auto kept = std::make_unique<KeptAnswer>();
    kept->opened(unique, 0x5'0000'0003, FOPEN_DIRECT_IO | FOPEN_STREAM);
    kept->send(connection());
    const auto out = result_of<fuse_open_out>(written());
    EXPECT_EQ(out.fh, 0x5'0000'0003U);
    EXPECT_EQ(out.open_flags, static_cast<std::uint32_t>(FOPEN_DIRECT_IO | FOPEN_STREAM));
}

TEST_F(Answer, ToAPollHasTheEvents) {
    const auto kept = std::make_unique<KeptAnswer>();
    kept->poll_events(unique, POLLIN | POLLRDNORM);
    kept->send(connection());
    EXPECT_EQ(result_of<fuse_poll_out>(written()).revents,
              static_cast<std::uint32_t>(POLLIN | POLLRDNORM));
}

// The bytes are the caller's again at once.
TEST_F(Answer, ToAnIoctlHasItsStruct) {
    const auto kept = std::make_unique<KeptAnswer>();
    for (const std::size_t size : {std::size_t{0}, std::size_t{48}, KeptAnswer::ioctl_bytes_max}) {
        const auto expected = numbered(size);
        auto out = expected;
        kept->ioctl_result(unique, out);
        std::ranges::fill(out, std::byte{0xff});
        EXPECT_EQ(kept->send(connection()), Sent::taken);
        const auto answer = written();
        const std::size_t head = sizeof(fuse_out_header) + sizeof(fuse_ioctl_out);
        ASSERT_EQ(answer.size(), head + size);
        expect_header(answer, 0);
        fuse_ioctl_out result{};
        std::memcpy(&result, &answer[sizeof(fuse_out_header)], sizeof(result));
        EXPECT_EQ(result.result, 0);
        EXPECT_EQ(result.flags, 0U);
        EXPECT_TRUE(std::ranges::equal(std::span(answer).subspan(head), expected)) << size;
    }
}

// A process that is killed after it sent the answer, and before that is committed, leaves it
// owed: the next one sends the same once more.
TEST_F(Answer, ThatIsKeptIsOwedAgainIfItsSendingIsUndone) {
    const SharedRange range;
    const Pages place(sizeof(KeptAnswer) + sizeof(UndoLog));
    auto* const undo = new (place.begin()) UndoLog;
    auto* const kept = new (place.begin() + sizeof(UndoLog)) KeptAnswer;
    undo->watch();
    kept->error(unique, ENOTTY);
    undo->roll_back();
    EXPECT_FALSE(kept->is_owed());
    kept->error(unique, ENOTTY);
    undo->commit();
    kept->send(connection());
    const auto first = written();
    undo->roll_back();
    EXPECT_TRUE(kept->is_owed());
    kept->send(connection());
    undo->commit();
    UndoLog::watch_nothing();
    EXPECT_EQ(written(), first);
    EXPECT_FALSE(kept->is_owed());
}

// --- to no request

TEST_F(Answer, ThatWakesPollersIsANoticeWithTheirHandle) {
    notify_poll(connection(), 0x7'0000'0001);
    const auto notice = written();
    ASSERT_EQ(notice.size(), sizeof(fuse_out_header) + sizeof(fuse_notify_poll_wakeup_out));
    expect_header(notice, FUSE_NOTIFY_POLL, 0);
    fuse_notify_poll_wakeup_out out{};
    std::memcpy(&out, &notice[sizeof(fuse_out_header)], sizeof(out));
    EXPECT_EQ(out.kh, 0x7'0000'0001U);
}

// Longer than an answer to an interrupt may be, so the kernel takes it from nobody.
TEST_F(Answer, ThatAsksForARequestIsATooLongOneToItsInterrupt) {
    EXPECT_FALSE(is_unanswered(connection(), unique)) << "a pipe takes it";
    const auto probe = written();
    EXPECT_GT(probe.size(), sizeof(fuse_out_header));
    expect_header(probe, 0, unique | 1U);
    EXPECT_FALSE(is_unanswered(-1, unique)) << "EBADF says nothing of the request";
}

TEST_F(Answer, ThatRepeatsAnInterruptIsEAGAINToIt) {
    repeat_interrupt(connection(), unique);
    const auto answer = written();
    EXPECT_EQ(answer.size(), 16U);
    expect_header(answer, -EAGAIN, unique | 1U);
}

// --- the calls that wait for them

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
