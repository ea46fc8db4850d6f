// SPDX-License-Identifier: MIT
//
// What the machine lacks or does not allow: each refusal says what to do.
#include <sched.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "fixture.h"
#include "support/errors.h"

namespace ipcdev::daemon_tests {

namespace {

// In a child: a mount namespace in which `cover` hides the path.
void cover_with_empty_tmpfs(const fs::path& path) {
    checked(unshare(CLONE_NEWNS), "unshare");
    checked(mount("empty", path.c_str(), "tmpfs", 0, "mode=0755"), "mount");
}

class Machine : public RootTest {
  protected:
    // Fails to serve in that folder, which is left empty.
    void expect_refusal_in(const fs::path& place, const std::vector<std::string>& words) const {
        expect_refusal(run(daemon_command({"--path", place / "ipcdev"})), words);
        expect_nothing_at(place / "ipcdev");
    }
};

TEST_F(Machine, WithoutFuse) {
    Command command = fuse_command();
    command.before_exec = [] { cover_with_empty_tmpfs("/dev"); };
    expect_refusal(run(command), {"this kernel has no FUSE", "Try 'modprobe fuse' as root"});
    expect_nothing_at(file());
}

TEST_F(Machine, WithoutFuseForAnOrdinaryUser) {
    Command command = user_command();
    command.before_exec = [] { cover_with_empty_tmpfs("/dev"); };
    expect_refusal(run(command), {"this kernel has no FUSE"});
    expect_nothing_at(users_file());
}

TEST_F(Machine, WhereAnOrdinaryUserMayNotOpenFuse) {
    Command command = user_command();
    command.before_exec = [] {
        struct stat fuse {};
        checked(stat("/dev/fuse", &fuse), "stat");
        cover_with_empty_tmpfs("/dev");
        checked(mknod("/dev/fuse", S_IFCHR | 0600, fuse.st_rdev), "mknod");
    };
    const Outcome outcome = run(command);
    expect_refusal(outcome, {"/dev/fuse: Permission denied", "as root"});
    EXPECT_EQ(std::ranges::count(outcome.errors, '\n'), 1) << outcome.errors;
    expect_nothing_at(users_file());
}

TEST_F(Machine, WithoutCapSysAdminAsInAContainer) {
    Command command = fuse_command();
    command.before_exec = [] { checked(prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN), "prctl"); };
    expect_refusal(run(command), {"the kernel refuses to mount on " + file().string(),
                                  "mounting needs CAP_SYS_ADMIN"});
    expect_nothing_at(file());
}

// As where it is started by who has just mounted something.
TEST_F(Machine, WhoseEnvironmentNamesAnotherSocketToFusermount3) {
    Command command = user_command();
    command.environment.emplace_back("_FUSE_COMMFD=99");
    Daemon daemon(command);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(Machine, WithoutFusermount3) {
    Command command = user_command();
    command.before_exec = [] {
        checked(unshare(CLONE_NEWNS), "unshare");
        for (const fs::path folder : {"/usr/bin", "/bin", "/usr/local/bin"}) {
            if (fs::exists(folder / "fusermount3")) { // /bin may be /usr/bin
                checked(
                    mount("/dev/null", (folder / "fusermount3").c_str(), nullptr, MS_BIND, nullptr),
                    "mount");
            }
        }
    };
    expect_refusal(run(command), {"fusermount3 could not mount on " + users_file().string(),
                                  "package fuse3", "setuid root"});
    expect_nothing_at(users_file());
}

TEST_F(Machine, WithAFolderThatCannotBeWritten) {
    const auto place = folder() / "read-only";
    fs::create_directory(place);
    ASSERT_EQ(mount("read-only", place.c_str(), "tmpfs", MS_RDONLY, nullptr), 0);
    expect_refusal_in(place, {"can't make " + (place / "ipcdev").string(), "Read-only file system",
                              "Give a --path"});
}

TEST_F(Machine, WithAFullDisk) {
    const auto place = folder() / "full";
    fs::create_directory(place);
    ASSERT_EQ(mount("full", place.c_str(), "tmpfs", 0, "nr_inodes=1"), 0); // its root
    expect_refusal_in(place, {"can't make " + (place / "ipcdev").string(),
                              "No space left on device", "Give a --path"});
}

class Folder : public UserTest {};

TEST_F(Folder, ThatIsMissing) {
    const auto place = folder() / "missing";
    expect_refusal(run(daemon_command({"--path", place / "ipcdev"})),
                   {"the folder " + place.string() + " can't be used: No such file or directory"});
    EXPECT_FALSE(fs::exists(place));
}

TEST_F(Folder, ThatIsAFile) {
    make_file(folder() / "file", "kept");
    expect_refusal(run(daemon_command({"--path", folder() / "file" / "ipcdev"})),
                   {"can't ", "Not a directory"});
    EXPECT_EQ(contents(folder() / "file"), "kept");
}

TEST_F(Folder, ThatIsNotTheUsers) {
    const auto place = folder() / "theirs";
    fs::create_directory(place);
    fs::permissions(place, fs::perms{0555});
    expect_refusal(run(user_command({"--path", place / "ipcdev"})),
                   {"can't make " + (place / "ipcdev").string() + ": Permission denied",
                    "Give a --path in a folder of yours, or run as root"});
}

TEST_F(Folder, ThatTheUserMayNotEnter) {
    const auto place = folder() / "locked";
    fs::create_directory(place);
    fs::permissions(place, fs::perms::none);
    expect_refusal(run(user_command({"--path", place / "ipcdev"})), {"Permission denied"});
}

TEST_F(Folder, ThatIsNotNamedByTheEnvironment) {
    Command command = user_command();
    command.environment.clear();
    expect_refusal(run(command), {"there is no $XDG_RUNTIME_DIR", "give a --path in a folder of "
                                                                  "yours, or run as root"});
    command.environment = {"XDG_RUNTIME_DIR="};
    expect_refusal(run(command), {"there is no $XDG_RUNTIME_DIR"});
}

TEST_F(Folder, IsTheRuntimeFolderForAnOrdinaryUser) {
    Daemon daemon(user_command({"--name", "mine"}));
    EXPECT_EQ(
        run_as(ordinary_user(), [&] { return passes_messages(users_folder() / "mine") ? 0 : 1; }),
        0);
    EXPECT_EQ(daemon.stop(), 0);
    expect_nothing_at(users_folder() / "mine");
}

TEST_F(Folder, IsServedForAnotherUserByRootOnly) {
    expect_refusal(run(user_command({"--owner", "0"})),
                   {"only root can serve a file for another user", "leave out --owner"});
    expect_nothing_at(users_file());
}

TEST_F(Folder, IsServedForHimselfByAnOrdinaryUserWhoSaysSo) {
    Daemon daemon(user_command({"--owner", std::to_string(ordinary_user())}));
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(Folder, CannotBeServedUnderNoNewPrivileges) {
    Command command = user_command();
    command.before_exec = [] { checked(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl"); };
    expect_refusal(run(command), {"fusermount3 could not mount", "no_new_privs"});
    expect_nothing_at(users_file());
}

TEST_F(Folder, OfAnyName) {
    const auto place = users_folder() / "with space\tand tab\nnewline\\backslash 'quote' ä";
    ASSERT_EQ(run_as(ordinary_user(), [&] { return fs::create_directory(place) ? 0 : 1; }), 0);
    for (const bool clean : {false, true}) { // killed, taken over, then ended
        Daemon daemon(user_command({"--path", place / "ipcdev"}));
        EXPECT_EQ(
            run_as(ordinary_user(), [&] { return passes_messages(place / "ipcdev") ? 0 : 1; }), 0);
        if (clean) {
            EXPECT_EQ(daemon.stop(), 0);
        } else {
            daemon.kill();
        }
    }
    expect_nothing_at(place / "ipcdev");
}

class DevNode : public RootTest {};

TEST_F(DevNode, IsTheDefaultPathOfRoot) {
    const std::string name = "ipcdev-test-" + folder().parent_path().filename().string();
    Daemon daemon(daemon_command({"--transport", "fuse", "--name", name}));
    EXPECT_TRUE(passes_messages("/dev/" + name));
    EXPECT_EQ(daemon.stop(), 0);
    expect_nothing_at("/dev/" + name);
}

// /dev/cuse, where it can't be used.
class NoCuse : public DaemonTest {};

TEST_F(NoCuse, SaysWhatToDoWhereTheKernelHasNone) {
    if (fs::exists("/dev/cuse")) {
        GTEST_SKIP() << "this kernel has CUSE";
    }
    Command command = daemon_command({"--transport", "cuse", "--name", "ipcdev-never-served"});
    expect_refusal(run(command), {"/dev/cuse: No such file or directory", "This kernel has no CUSE",
                                  "try 'modprobe cuse' as root", "use --transport fuse"});
}

TEST_F(NoCuse, SaysWhatToDoWhereItMayNotBeOpened) {
    if (!fs::exists("/dev/cuse")) {
        GTEST_SKIP() << "this kernel has no CUSE";
    }
    if (run_as(ordinary_user(), [] { return try_open("/dev/cuse"); }) == 0) {
        GTEST_SKIP() << "an ordinary user may use /dev/cuse here";
    }
    Command command = daemon_command({"--transport", "cuse", "--name", "ipcdev-never-served"});
    command.user = ordinary_user();
    expect_refusal(run(command), {"/dev/cuse: Permission denied", "Run as root", "udev rule",
                                  "use --transport fuse"});
}

} // namespace

} // namespace ipcdev::daemon_tests
