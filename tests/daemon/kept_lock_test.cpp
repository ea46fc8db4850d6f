// SPDX-License-Identifier: MIT
//
// ipcdevd --keep: the memory that the kernel copies messages from and to is locked where that is
// allowed, and where it is not the daemon says so, once.
#include <sys/resource.h>

#include <csignal>
#include <cstdint>
#include <sstream>

#include "fixture.h"
#include "support/errors.h"
#include "support/sanitizers.h"

namespace ipcdev::daemon_tests {

namespace {

const std::string sentence = "ipcdevd: info: messages are not locked in memory";

long locked_kib(pid_t pid) {
    return std::stol("0" + proc_line(pid, "status", "VmLck"));
}

// Root raises the limit, where it may: not in every container.
bool may_lock_all(pid_t pid) {
    const std::string limits = contents("/proc/" + std::to_string(pid) + "/limits");
    std::istringstream line(limits.substr(limits.find("Max locked memory") + 17));
    std::string bytes;
    line >> bytes;
    return bytes == "unlimited" || std::stoull(bytes) > std::uint64_t{500} << 20U;
}

// Less than what a server locks.
long most_kib(pid_t server) {
    return may_lock_all(server) ? 500'000 : 1024;
}

using LockedRoot = RootTest;

TEST_F(LockedRoot, ServerAndTheNextOneLockWhatIsShared) {
    if (test::sanitized) {
        GTEST_SKIP() << "the sanitizer takes mlock(2) for itself, and locks nothing";
    }
    Daemon daemon(fuse_command({"--keep"}));
    pid_t server = 0;
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(passes_messages(file()));
        server = next_server_of(daemon, server);
        wait_until(
            [&] { return info(open_device(file())).generation == static_cast<unsigned>(i); });
        EXPECT_GT(locked_kib(server), most_kib(server)) << "all, or the buffer for requests alone";
        kill(server, SIGKILL);
    }
    EXPECT_EQ(daemon.errors().find(sentence) == std::string::npos, may_lock_all(daemon.pid()))
        << daemon.errors();
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(LockedRoot, ServerGivesMemoryBackAllTheSame) {
    if (test::sanitized) {
        GTEST_SKIP() << "the sanitizer takes mlock(2) for itself, and locks nothing";
    }
    Daemon daemon(fuse_command({"--keep", "--depth", "1000", "--max-message", "65536"}));
    const Descriptor opened = open_device(file());
    const pid_t server = next_server_of(daemon, 0);
    const auto shared_kib = [&] {
        return std::stol("0" + proc_line(server, "status", "RssShmem"));
    };
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(write_all(opened, std::string(65536, 'm')), 0);
    }
    EXPECT_GT(shared_kib(), 62'000);
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(read_some(opened).size(), 65536U);
    }
    EXPECT_LT(shared_kib(), 16'000);
    EXPECT_GT(locked_kib(server), most_kib(server));
    EXPECT_EQ(daemon.stop(), 0);
}

using LockedUser = UserTest;

TEST_F(LockedUser, IsToldOnceThatMemoryIsNotLockedAndIsServed) {
    Command limited = user_command({"--keep"});
    limited.before_exec = [] {
        const rlimit none{};
        checked(setrlimit(RLIMIT_MEMLOCK, &none), "setrlimit");
    };
    Daemon daemon(limited);
    EXPECT_EQ(run_as(ordinary_user(), [&] { return passes_messages(users_file()) ? 0 : 1; }), 0);
    const pid_t server = next_server_of(daemon, 0);
    kill(server, SIGKILL);
    EXPECT_EQ(locked_kib(next_server_of(daemon, server)), 0);
    EXPECT_EQ(run_as(ordinary_user(), [&] { return passes_messages(users_file()) ? 0 : 1; }), 0);
    const std::string errors = daemon.errors();
    const auto first = errors.find(sentence);
    ASSERT_NE(first, std::string::npos) << errors;
    EXPECT_EQ(errors.find(sentence, first + 1), std::string::npos) << errors;
    EXPECT_EQ(daemon.stop(), 0);
}

} // namespace

} // namespace ipcdev::daemon_tests
