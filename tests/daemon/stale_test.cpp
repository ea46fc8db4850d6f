// SPDX-License-Identifier: MIT
//
// A killed daemon leaves nothing, since its unmounter cleans up. What is left if both
// were killed is taken over by the next one of the same user, and by nobody else's.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "fixture.h"

namespace ipcdev::daemon_tests {

namespace {

class Stale : public FuseTest {};

TEST_F(Stale, AKilledDaemonsClientsGetAnErrorAndNoOneHangs) {
    Daemon daemon(fuse_command());
    Process parked = reader(file());
    const Descriptor device = open_device(file());
    wait_for_parked_readers(device, 1);
    daemon.kill();
    EXPECT_EQ(parked.wait(), ECONNABORTED);
    EXPECT_EQ(write_all(device, "late"), ENOTCONN);
    wait_until([&] { return try_open(file()) == ENOENT; });
    expect_nothing_at(file());
}

TEST_F(Stale, AKilledDaemonsClientsGetAnErrorIfItsUnmounterWasKilledToo) {
    Daemon daemon(fuse_command());
    Process parked = reader(file());
    const Descriptor device = open_device(file());
    wait_for_parked_readers(device, 1);
    kill_with_unmounter(daemon);
    EXPECT_EQ(parked.wait(), ECONNABORTED);
    EXPECT_EQ(write_all(device, "late"), ENOTCONN);
    EXPECT_EQ(try_open(file()), ENOTCONN);
}

TEST_F(Stale, TheNextDaemonServesAgain) {
    for (int round = 0; round < rounds(10); ++round) {
        Daemon daemon(fuse_command());
        EXPECT_TRUE(passes_messages(file()));
        if (round > 0) {
            EXPECT_NE(daemon.errors().find("unmounted the stale mount"), std::string::npos)
                << daemon.errors();
        }
        kill_with_unmounter(daemon);
        EXPECT_EQ(try_open(file()), ENOTCONN);
    }
    Daemon last(fuse_command());
    EXPECT_EQ(last.stop(), 0);
    expect_nothing_at(file());
}

TEST_F(Stale, TheNextDaemonServesAgainWhileAClientStillHasTheOldOneOpen) {
    Daemon killed(fuse_command());
    const Descriptor old = open_device(file());
    kill_with_unmounter(killed);
    Daemon next(fuse_command());
    EXPECT_TRUE(passes_messages(file()));
    EXPECT_EQ(write_all(old, "to nobody"), ENOTCONN);
    EXPECT_EQ(next.stop(), 0);
    expect_nothing_at(file());
}

class StaleForUser : public UserTest {
  protected:
    [[nodiscard]] bool user_passes_messages() const {
        return run_as(ordinary_user(), [&] { return passes_messages(users_file()) ? 0 : 1; }) == 0;
    }
};

TEST_F(StaleForUser, TheNextDaemonOfTheUserServesAgain) {
    for (int round = 0; round < rounds(5); ++round) {
        Daemon daemon(user_command());
        EXPECT_TRUE(user_passes_messages());
        kill_with_unmounter(daemon);
        EXPECT_EQ(run_as(ordinary_user(), [&] { return try_open(users_file()); }), ENOTCONN);
    }
    Daemon last(user_command());
    EXPECT_EQ(last.stop(), 0);
    expect_nothing_at(users_file());
}

TEST_F(StaleForUser, NothingIsIfOnlyTheDaemonIsKilled) {
    for (int round = 0; round < rounds(5) && !HasFailure(); ++round) {
        Daemon daemon(user_command());
        daemon.kill();
        wait_until([&] { return fs::is_empty(users_folder()); });
        expect_nothing_at(users_file());
    }
}

class StaleOfAnother : public RootTest {
  protected:
    void SetUp() override {
        RootTest::SetUp();
        fs::create_directory(shared());
        fs::permissions(shared(), fs::perms{01777}); // as /tmp
    }
    [[nodiscard]] fs::path shared() const { return folder() / "shared"; }
    [[nodiscard]] std::string path() const { return shared() / "ipcdev"; }
};

TEST_F(StaleOfAnother, RootsIsNotTakenOffByAnOrdinaryUser) {
    Daemon roots(daemon_command({"--path", path()}));
    const std::string sentence = path() + " is served by an ipcdevd of user 0, or was until it was "
                                          "killed";
    expect_refusal(run(user_command({"--path", path()})), {sentence, "Stop it as that user"});
    kill_with_unmounter(roots);
    expect_refusal(run(user_command({"--path", path()})), {sentence, "Stop it as that user"});
    EXPECT_TRUE(is_mount_point(path()));
    ASSERT_EQ(umount(path().c_str()), 0);
    expect_refusal(run(user_command({"--path", path()})), {sentence});
    Daemon next(daemon_command({"--path", path()})); // root's own placeholder is reused
    EXPECT_EQ(next.stop(), 0);
}

TEST_F(StaleOfAnother, AUsersIsLeftAloneByAnotherUserAndByRoot) {
    Daemon users(user_command({"--path", path()}));
    kill_with_unmounter(users);
    constexpr uid_t another = 65533;
    Command command = user_command({"--path", path()});
    command.user = another;
    expect_refusal(run(command), {path()});
    expect_refusal(run(daemon_command({"--path", path()})), {path()});
    EXPECT_EQ(run_as(ordinary_user(), [&] { return try_open(path()); }), ENOTCONN);
    Daemon next(user_command({"--path", path()}));
    EXPECT_EQ(next.stop(), 0);
    expect_nothing_at(path());
}

} // namespace

} // namespace ipcdev::daemon_tests
