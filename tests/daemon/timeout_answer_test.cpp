// SPDX-License-Identifier: MIT
//
// Unit tests of what the daemon makes of the kernel's request timeouts, and asks for.
#include <gtest/gtest.h>

#include <linux/fuse.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "request_timeout.h"

namespace ipcdev::daemon_tests {

namespace {

// An answer to FUSE_INIT, as libfuse hands it to writev(2).
struct Answer {
    fuse_out_header header{};
    fuse_init_out out{};
    std::array<iovec, 2> parts{iovec{.iov_base = &header, .iov_len = sizeof(header)},
                               iovec{.iov_base = &out, .iov_len = sizeof(out)}};

    [[nodiscard]] std::uint16_t timeout() const {
        std::uint16_t seconds = 0;
        std::memcpy(&seconds, reinterpret_cast<const char*>(&out) + 40, sizeof(seconds));
        return seconds;
    }
    [[nodiscard]] bool is_untouched() const {
        const fuse_init_out none{};
        return std::memcmp(&out, &none, sizeof(none)) == 0;
    }
};

TEST(RequestTimeouts, AreAskedForOnlyWhereThereIsADefault) {
    EXPECT_EQ((RequestTimeouts{.by_default = 0, .most = 0}.to_ask_for()), 0U);
    EXPECT_EQ((RequestTimeouts{.by_default = 0, .most = 30}.to_ask_for()), 0U);
    EXPECT_EQ((RequestTimeouts{.by_default = 30, .most = 0}.to_ask_for()), 65535U);
    EXPECT_EQ((RequestTimeouts{.by_default = 30, .most = 60}.to_ask_for()), 65535U);
}

TEST(RequestTimeouts, AreWhatTheKernelMakesOfThat) {
    EXPECT_EQ((RequestTimeouts{.by_default = 0, .most = 0}.effective()), 0U);
    EXPECT_EQ((RequestTimeouts{.by_default = 0, .most = 30}.effective()), 30U);
    EXPECT_EQ((RequestTimeouts{.by_default = 30, .most = 0}.effective()), 65535U);
    EXPECT_EQ((RequestTimeouts{.by_default = 30, .most = 60}.effective()), 60U);
}

TEST(RequestTimeouts, GoIntoTheAnswerBesideWhatIsThere) {
    Answer answer;
    answer.out.flags = 1;
    answer.out.flags2 = 2;
    ask_for_timeout(answer.parts.data(), 2, 65535);
    EXPECT_EQ(answer.out.flags, 1U | 1U << 30U) << "FUSE_INIT_EXT";
    EXPECT_EQ(answer.out.flags2, 2U | 1U << 10U) << "FUSE_REQUEST_TIMEOUT";
    EXPECT_EQ(answer.timeout(), 65535U);
}

TEST(RequestTimeouts, GoIntoNothingElse) {
    Answer answer;
    ask_for_timeout(answer.parts.data(), 2, 0);
    EXPECT_TRUE(answer.is_untouched());
    ask_for_timeout(answer.parts.data(), 1, 65535);
    EXPECT_TRUE(answer.is_untouched()) << "an error";
    answer.parts[1].iov_len = 24; // FUSE_COMPAT_22_INIT_OUT_SIZE
    ask_for_timeout(answer.parts.data(), 2, 65535);
    EXPECT_TRUE(answer.is_untouched()) << "an old kernel's answer";
}

} // namespace

} // namespace ipcdev::daemon_tests
