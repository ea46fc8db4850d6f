// SPDX-License-Identifier: MIT
//
// Who may open the device, and what the daemon keeps of root's powers.
#include <sys/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "fixture.h"

namespace ipcdev::daemon_tests {

namespace {

class Access : public EachTransport {
  protected:
    void SetUp() override {
        EachTransport::SetUp();
        if (!IsSkipped() && !is_root()) {
            GTEST_SKIP() << "only root can serve others";
        }
    }
    static int as_another(const std::function<int()>& body) {
        return run_as(ordinary_user(), body);
    }
    [[nodiscard]] struct stat status() const {
        struct stat file {};
        EXPECT_EQ(stat(device().c_str(), &file), 0);
        return file;
    }
    [[nodiscard]] unsigned permissions() const { return status().st_mode & 07777U; }
};

TEST_P(Access, IsForTheServersUserOnlyByDefault) {
    Daemon daemon(command());
    EXPECT_EQ(permissions(), 0600U);
    EXPECT_EQ(status().st_uid, geteuid());
    EXPECT_EQ(status().st_gid, getegid());
    EXPECT_EQ(as_another([&] { return try_open(device()); }), EACCES);
    EXPECT_EQ(as_another([&] { return try_open(device(), O_RDONLY); }), EACCES);
}

TEST_P(Access, IsForAllWithPermissions0666) {
    Daemon daemon(command({"--permissions", "0666"}));
    EXPECT_EQ(permissions(), 0666U);
    EXPECT_EQ(as_another([&] { return passes_messages(device()) ? 0 : 1; }), 0);
}

TEST_P(Access, MayBeToWriteOnlyOrToReadOnly) {
    Daemon daemon(command({"--permissions", "0624"}));
    EXPECT_EQ(as_another([&] { return try_open(device(), O_RDONLY); }), 0);
    EXPECT_EQ(as_another([&] { return try_open(device(), O_WRONLY); }), EACCES);
    EXPECT_EQ(as_another([&] { return try_open(device(), O_RDWR); }), EACCES);
}

TEST_P(Access, IsForTheOwnerThatIsNamed) {
    Daemon daemon(command({"--owner", std::to_string(ordinary_user())}));
    EXPECT_EQ(status().st_uid, ordinary_user());
    EXPECT_EQ(as_another([&] { return try_open(device()); }), 0);
    EXPECT_EQ(run_as(65533, [&] { return try_open(device()); }), EACCES);
}

TEST_P(Access, IsForTheGroupThatIsNamed) {
    Daemon daemon(command({"--group", std::to_string(ordinary_user()), "--permissions", "0660"}));
    EXPECT_EQ(status().st_uid, geteuid());
    EXPECT_EQ(status().st_gid, ordinary_user());
    EXPECT_EQ(as_another([&] { return try_open(device()); }), 0);
    EXPECT_EQ(run_as(65533, [&] { return try_open(device()); }), EACCES);
}

TEST_P(Access, IsGivenByNamesToo) {
    Daemon daemon(command({"--owner", "nobody", "--group", "root"}));
    EXPECT_NE(status().st_uid, 0U);
    EXPECT_EQ(status().st_gid, 0U);
}

TEST_P(Access, ChangesByChmodOfTheOwner) {
    Daemon daemon(command({"--owner", std::to_string(ordinary_user())}));
    EXPECT_EQ(permissions(), 0600U); // the kernel learns a FUSE file's owner by the first look
    EXPECT_EQ(as_another([&] { return chmod(device().c_str(), 0622) == 0 ? 0 : errno; }), 0);
    EXPECT_EQ(permissions(), 0622U);
    EXPECT_EQ(run_as(65533, [&] { return try_open(device(), O_WRONLY); }), 0);
    EXPECT_EQ(run_as(65533, [&] { return try_open(device(), O_RDONLY); }), EACCES);
}

TEST_P(Access, DoesNotChangeByChmodOrChownOfOthers) {
    Daemon daemon(command({"--permissions", "0666"}));
    EXPECT_EQ(as_another([&] { return chmod(device().c_str(), 0600) == 0 ? 0 : errno; }), EPERM);
    EXPECT_EQ(as_another([&] {
                  return chown(device().c_str(), ordinary_user(), ordinary_user()) == 0 ? 0 : errno;
              }),
              EPERM);
    EXPECT_EQ(permissions(), 0666U);
    EXPECT_EQ(status().st_uid, geteuid());
}

TEST_P(Access, IsCheckedForTheSettingsToo) {
    Daemon daemon(command({"--permissions", "0666"}));
    EXPECT_EQ(as_another([&] {
                  ipcdev_configure wanted{};
                  wanted.size = sizeof(wanted);
                  wanted.depth = 5;
                  const Descriptor opened = open_device(device());
                  return configure(opened, wanted);
              }),
              EPERM);
    EXPECT_EQ(info(open_device(device())).depth, 64U);
}

IPCDEV_EACH_TRANSPORT(Access);

class FileOfAnOrdinaryUser : public UserTest {};

TEST_F(FileOfAnOrdinaryUser, IsForThatUserOnlyAndNotEvenForRoot) {
    Daemon daemon(user_command({"--permissions", "0666"}));
    EXPECT_EQ(run_as(ordinary_user(), [&] { return passes_messages(users_file()) ? 0 : 1; }), 0);
    if (is_root()) {
        EXPECT_EQ(try_open(users_file()), EACCES);
        EXPECT_EQ(run_as(65533, [&] { return try_open(users_file()); }), EACCES);
    }
    EXPECT_EQ(daemon.stop(), 0);
    expect_nothing_at(users_file());
}

TEST_F(FileOfAnOrdinaryUser, MayBeConfiguredByThatUser) {
    Daemon daemon(user_command());
    EXPECT_EQ(run_as(ordinary_user(),
                     [&] {
                         ipcdev_configure wanted{};
                         wanted.size = sizeof(wanted);
                         wanted.depth = 5;
                         const Descriptor opened = open_device(users_file());
                         const int error = configure(opened, wanted);
                         return error != 0 || info(opened).depth == 5 ? error : 1;
                     }),
              0);
}

class Privileges : public EachTransport {
  protected:
    using Bits = unsigned long long;
    static Bits capabilities(const Daemon& daemon, const std::string& set) {
        return std::stoull(proc_line(daemon.pid(), "status", set), nullptr, 16);
    }
    // Real, effective, saved and of the file system.
    static std::string ids(uid_t id) {
        const std::string text = std::to_string(id);
        return text + "\t" + text + "\t" + text + "\t" + text;
    }
};

TEST_P(Privileges, OfRootAreGivenUpBeforeTheDeviceIsUsed) {
    if (!is_root()) {
        GTEST_SKIP() << "only root has privileges to give up";
    }
    Daemon daemon(command());
    EXPECT_EQ(capabilities(daemon, "CapEff"), 0U);
    EXPECT_EQ(capabilities(daemon, "CapPrm"), 0U);
    EXPECT_EQ(capabilities(daemon, "CapInh"), 0U);
    EXPECT_EQ(capabilities(daemon, "CapAmb"), 0U);
    EXPECT_EQ(proc_line(daemon.pid(), "status", "NoNewPrivs"), "1");
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(daemon.errors().find("warning"), std::string::npos) << daemon.errors();
    expect_nothing_at(device());
}

TEST_P(Privileges, ToBeRootIsGivenUpToo) {
    if (!is_root()) {
        GTEST_SKIP() << "only root can become another user";
    }
    const std::string nobody = ids(ordinary_user());
    Daemon daemon(command());
    EXPECT_EQ(proc_line(daemon.pid(), "status", "Uid"), nobody);
    EXPECT_EQ(proc_line(daemon.pid(), "status", "Gid"), nobody);
    EXPECT_EQ(proc_line(daemon.pid(), "status", "Groups"), "");
    EXPECT_TRUE(passes_messages(device()));
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(daemon.errors().find("stays user 0"), std::string::npos) << daemon.errors();
}

TEST_P(Privileges, AreThoseOfTheUserThatIsNamed) {
    if (!is_root()) {
        GTEST_SKIP() << "only root can become another user";
    }
    Daemon daemon(command({"--user", "65533"}));
    EXPECT_EQ(proc_line(daemon.pid(), "status", "Uid"), ids(65533));
    EXPECT_EQ(proc_line(daemon.pid(), "status", "Gid"), ids(65533));
    EXPECT_TRUE(passes_messages(device()));
    EXPECT_EQ(daemon.stop(), 0);
    expect_nothing_at(device());
}

TEST_P(Privileges, ThatAreMissingAreNotMissed) {
    if (!is_root()) {
        GTEST_SKIP() << "only root has privileges to miss";
    }
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    Process parked = reader(device());
    wait_for_parked_readers(opened, 1);
    EXPECT_EQ(write_all(opened, "x"), 0); // answered without any
    EXPECT_EQ(parked.wait(), 0);
    EXPECT_EQ(daemon.stop(), 0);
}

IPCDEV_EACH_TRANSPORT(Privileges);

class PrivilegesOfAFile : public RootTest {};

TEST_F(PrivilegesOfAFile, OfTheProcessThatUnmountsAreToMountOnly) {
    Daemon daemon(fuse_command());
    const pid_t unmounter = unmounter_of(daemon);
    ASSERT_NE(unmounter, 0);
    const auto only_to_mount = 1ULL << static_cast<unsigned>(CAP_SYS_ADMIN);
    EXPECT_EQ(std::stoull(proc_line(unmounter, "status", "CapEff"), nullptr, 16), only_to_mount);
    EXPECT_EQ(std::stoull(proc_line(unmounter, "status", "CapPrm"), nullptr, 16), only_to_mount);
    EXPECT_EQ(proc_line(unmounter, "status", "NoNewPrivs"), "1");
    std::vector<std::string> open_files;
    for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(unmounter) + "/fd")) {
        open_files.push_back(fs::read_symlink(entry).filename());
    }
    EXPECT_EQ(std::ranges::count(open_files, "fuse"), 0) << "it must not hold the connection";
    EXPECT_EQ(std::ranges::count(open_files, "null"), 3);
    EXPECT_EQ(open_files.size(), 7U); // and its folders, the lock, the socket to the daemon
    EXPECT_EQ(fs::read_symlink("/proc/" + std::to_string(unmounter) + "/cwd"), "/");
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(PrivilegesOfAFile, WithoutTheRightToBecomeAnotherUserAreNoneAllTheSame) {
    Command started = fuse_command();
    started.before_exec = [] {
        cap_drop_bound(CAP_SETUID);
        cap_drop_bound(CAP_SETGID);
    };
    Daemon daemon(started);
    EXPECT_EQ(std::stoull(proc_line(daemon.pid(), "status", "CapPrm"), nullptr, 16), 0U);
    EXPECT_NE(daemon.errors().find("stays user 0, without privileges: can't become user"),
              std::string::npos)
        << daemon.errors();
    EXPECT_EQ(daemon.stop(), 0);
    expect_nothing_at(file());

    started.arguments.insert(started.arguments.end(), {"--user", "nobody"});
    expect_refusal(run(started), {"can't become user", "Leave out --user"});
    expect_nothing_at(file());
}

TEST_F(PrivilegesOfAFile, AreEnoughWhereRootHasNothingButTheRightToMount) {
    Command command = fuse_command();
    command.before_exec = [] {
        for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
            if (capability != CAP_SYS_ADMIN && capability != CAP_DAC_OVERRIDE) {
                cap_drop_bound(capability);
            }
        }
    };
    Daemon daemon(command);
    EXPECT_TRUE(passes_messages(file()));
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(daemon.errors().find("warning"), std::string::npos) << daemon.errors();
    expect_nothing_at(file());
}

class PrivilegesOfAUser : public UserTest {};

TEST_F(PrivilegesOfAUser, AreNoneAndStillTheMountIsTakenOff) {
    Daemon daemon(user_command());
    EXPECT_EQ(std::stoull(proc_line(daemon.pid(), "status", "CapPrm"), nullptr, 16), 0U);
    EXPECT_EQ(proc_line(daemon.pid(), "status", "NoNewPrivs"), "1"); // its unmounter has not
    EXPECT_EQ(daemon.stop(), 0);
    expect_nothing_at(users_file());
}

TEST_F(PrivilegesOfAUser, AreNotThoseOfAnother) {
    expect_refusal(run(user_command({"--user", "65533"})),
                   {"only root can serve as another user", "leave out --user"});
    expect_nothing_at(users_file());
}

} // namespace

} // namespace ipcdev::daemon_tests
