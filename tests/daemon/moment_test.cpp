// SPDX-License-Identifier: MIT
//
// A signal at every moment: at each system call of the start, and between the
// loop's question and its read. The moments are found by ptrace.
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "fixture.h"
#include "support/sanitizers.h"
#include "traced.h"

namespace ipcdev::daemon_tests {

namespace {

enum class To { daemon, group }; // of processes: as a ^C is sent

// One start with a signal at its n-th stop; false: it starts in fewer.
bool start(Command started, const fs::path& path, int n, int signal, To whom) {
    const NotifySocket systemd;
    started.environment.push_back(systemd.setting());
    started.before_exec = be_traced;
    Program daemon(started);
    Traced traced(daemon, Traced::Begin::at_exec);
    const bool reached = traced.run_to_stop(n, systemd);
    kill(whom == To::group ? -daemon.pid() : daemon.pid(), signal);
    traced.release();
    EXPECT_EQ(daemon.wait(), 0) << "at stop " << n << "\n" << daemon.errors();
    expect_nothing_at(path);
    expect_nothing_at(path.parent_path() / ("." + path.filename().string() + ".ipcdevd"));
    return reached;
}

// At every stop; on a slow machine at one of several.
void sweep(const Command& started, const fs::path& path, int signal, To whom) {
    const int stride = static_cast<int>(settings().slowness);
    int n = 1;
    while (start(started, path, n, signal, whom) && !::testing::Test::HasFailure()) {
        n += stride;
    }
    EXPECT_GT(n, 50) << "it can't start in so few system calls";
}

class MomentOfTheStart : public EachTransport {};

TEST_P(MomentOfTheStart, ASigtermAtAnyOfThemEndsItCleanly) {
    sweep(command(), device(), SIGTERM, To::daemon);
}

IPCDEV_EACH_TRANSPORT(MomentOfTheStart);

class MomentOfAUsersStart : public UserTest {};

TEST_F(MomentOfAUsersStart, ASigtermAtAnyOfThemEndsItCleanly) {
    sweep(user_command(), users_file(), SIGTERM, To::daemon);
}

TEST_F(MomentOfAUsersStart, AControlCAtAnyOfThemLeavesNothing) {
    sweep(user_command(), users_file(), SIGINT, To::group);
}

class MomentBeforeTheRead : public EachTransport {};

// The race that stop_signal.h draws: the loop has asked, the signal comes, and
// only then does the loop read, with nothing to wake it.
TEST_P(MomentBeforeTheRead, ASignalIsNotMissed) {
    if (thread_sanitized) {
        GTEST_SKIP() << "runs the daemon by single instructions to its next read, which takes "
                        "minutes where ThreadSanitizer's are among them";
    }
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    std::array<int, 2> go{};
    ASSERT_EQ(pipe2(go.data(), O_CLOEXEC), 0);
    Process client([&] { // a single call to serve, when told
        char byte = 0;
        return read(go[0], &byte, 1) == 1 && info(opened).opens == 1 ? 0 : 1;
    });
    {
        Traced traced(daemon, Traced::Begin::running);
        ASSERT_EQ(write(go[1], "g", 1), 1);
        Traced::Call call;
        bool reads = false;
        do { // until it has read the client's call
            ASSERT_TRUE(traced.next(call));
            reads = call.is_entry ? call.number == SYS_read : reads;
        } while (!reads || call.is_entry || call.result <= 0);
        if (!traced.step_to_call(SYS_read)) {
            GTEST_SKIP() << "only on x86-64 the test knows the instruction of a system call";
        }
        daemon.signal(SIGTERM);
    }
    EXPECT_EQ(daemon.wait(), 0);
    EXPECT_EQ(client.wait(), 0);
    close(go[0]);
    close(go[1]);
    expect_nothing_at(device());
}

IPCDEV_EACH_TRANSPORT(MomentBeforeTheRead);

} // namespace

} // namespace ipcdev::daemon_tests
