// SPDX-License-Identifier: MIT
//
// ipcdevd --keep: what chmod, chown and utimensat made of the FUSE file is so for the next server
// too.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "fixture.h"
#include "support/errors.h"

namespace ipcdev::daemon_tests {

namespace {

struct stat status_of_file(const fs::path& path) {
    struct stat status {};
    checked(stat(path.c_str(), &status), "stat");
    return status;
}

void kill_server(const Daemon& daemon) {
    const pid_t server = next_server_of(daemon, 0);
    checked(kill(server, SIGKILL), "kill");
    static_cast<void>(next_server_of(daemon, server));
}

using KeptAttributes = FuseTest;

TEST_F(KeptAttributes, OfAFileAreWhatTheyWereMade) {
    Daemon daemon(fuse_command({"--keep"}));
    EXPECT_EQ(status_of_file(file()).st_mode, S_IFREG | 0600U);
    checked(chmod(file().c_str(), 0640), "chmod");
    const std::array<timespec, 2> times{
        {{.tv_sec = 1'000, .tv_nsec = 1}, {.tv_sec = 2'000, .tv_nsec = 2}}};
    checked(utimensat(AT_FDCWD, file().c_str(), times.data(), 0), "utimensat");
    const struct stat before = status_of_file(file());
    for (int i = 0; i < 2; ++i) {
        kill_server(daemon);
        const struct stat after = status_of_file(file());
        EXPECT_EQ(after.st_mode, S_IFREG | 0640U);
        EXPECT_EQ(after.st_atim.tv_sec, 1'000);
        EXPECT_EQ(after.st_atim.tv_nsec, 1);
        EXPECT_EQ(after.st_mtim.tv_sec, 2'000);
        EXPECT_EQ(after.st_ctim.tv_sec, before.st_ctim.tv_sec);
        EXPECT_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
        EXPECT_EQ(after.st_size, before.st_size);
        EXPECT_EQ(after.st_uid, before.st_uid);
    }
    EXPECT_EQ(daemon.stop(), 0);
}

using KeptOwner = RootTest;

TEST_F(KeptOwner, OfAFileMayOpenItAfterAKill) {
    Daemon daemon(fuse_command({"--keep"}));
    const uid_t user = ordinary_user();
    checked(chown(file().c_str(), user, user), "chown");
    kill_server(daemon);
    EXPECT_EQ(status_of_file(file()).st_uid, user);
    EXPECT_EQ(status_of_file(file()).st_gid, user);
    EXPECT_EQ(run_as(user, [&] { return try_open(file()); }), 0);
    EXPECT_EQ(daemon.stop(), 0);
}

} // namespace

} // namespace ipcdev::daemon_tests
