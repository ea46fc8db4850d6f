// SPDX-License-Identifier: MIT
//
// What a client meets that opens the path at whatever moment: the device or an error,
// never another file that takes its bytes.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

#include "fixture.h"
#include "support/errors.h"

namespace ipcdev::daemon_tests {

namespace {

// What the clients count together, in memory that they share with the test.
class Tally {
  public:
    struct Counts {
        std::atomic<bool> over;
        std::atomic<unsigned long> delivered; // to the device, alive or dead
        std::atomic<unsigned long> refused;   // the open failed
        std::atomic<unsigned long> lost;      // taken by another file
    };
    Tally()
        : counts_(mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                       -1, 0)) {
        checked(counts_ == MAP_FAILED ? -1 : 0, "mmap");
    }
    Tally(const Tally&) = delete;
    Tally& operator=(const Tally&) = delete;
    ~Tally() { munmap(counts_, sizeof(Counts)); }
    Counts* operator->() const { return static_cast<Counts*>(counts_); }

    // For --gtest_output.
    void record() const {
        const Counts& counts = *operator->();
        ::testing::Test::RecordProperty("delivered", std::to_string(counts.delivered));
        ::testing::Test::RecordProperty("refused", std::to_string(counts.refused));
        ::testing::Test::RecordProperty("lost", std::to_string(counts.lost));
    }

  private:
    void* counts_;
};

// Whoever serves it: a character device, or a file of a FUSE, which may be dead.
bool is_device(const Descriptor& opened) {
    constexpr long fuse_magic = 0x65735546;
    struct stat file {};
    if (fstat(opened.get(), &file) == 0 && S_ISCHR(file.st_mode)) {
        return true;
    }
    struct statfs system {};
    return fstatfs(opened.get(), &system) == 0
               ? system.f_type == fuse_magic
               : errno == ENOTCONN || errno == ECONNABORTED || errno == ENODEV;
}

// As fast as it can, and without O_CREAT, with which it would make its own file.
int keep_writing(const fs::path& path, const Tally& tally) {
    while (!tally->over) {
        const Descriptor opened(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        if (!opened.is_open()) {
            ++tally->refused;
        } else if (write(opened.get(), "x", 1) == 1) {
            ++(is_device(opened) ? tally->delivered : tally->lost);
        }
    }
    return 0;
}

// Starts, lets the clients write, and ends it in every way.
void serve_and_end(const Command& started, int round, const Tally& tally) {
    Daemon daemon(started);
    const unsigned long before = tally->delivered;
    wait_until([&] { return tally->delivered > before; });
    switch (round % 4) {
    case 0:
        daemon.kill();
        break;
    case 1:
        kill_with_unmounter(daemon);
        break;
    default:
        EXPECT_EQ(daemon.stop(), 0);
    }
}

class AtAnyMoment : public EachTransport {};

TEST_P(AtAnyMoment, AClientFindsTheDeviceOrAnError) {
    const Tally tally;
    std::vector<Process> clients;
    for (int i = 0; i < 2; ++i) {
        clients.emplace_back([&] { return keep_writing(device(), tally); });
    }
    for (int round = 0; round < starts(40) && !HasFailure(); ++round) {
        serve_and_end(command({"--mode", "slot"}), round, tally);
    }
    Daemon last(command());
    EXPECT_EQ(last.stop(), 0);
    tally->over = true;
    for (Process& client : clients) {
        EXPECT_EQ(client.wait(), 0);
    }
    tally.record();
    EXPECT_EQ(tally->lost, 0U) << "of " << tally->delivered << " that were delivered";
    EXPECT_GT(tally->refused, 0U);
    expect_nothing_at(device());
}

IPCDEV_EACH_TRANSPORT(AtAnyMoment);

class AtAnyMomentForAUser : public UserTest {};

// Root may not write to his device, and to nothing else there either.
TEST_F(AtAnyMomentForAUser, AClientFindsTheDeviceOrAnError) {
    const Tally tally;
    std::vector<Process> clients;
    clients.emplace_back([&] {
        become(ordinary_user());
        return keep_writing(users_file(), tally);
    });
    if (is_root()) {
        clients.emplace_back([&] { return keep_writing(users_file(), tally); });
    }
    for (int round = 0; round < starts(30) && !HasFailure(); ++round) {
        serve_and_end(user_command({"--mode", "slot"}), round, tally);
    }
    Daemon last(user_command());
    EXPECT_EQ(last.stop(), 0);
    tally->over = true;
    for (Process& client : clients) {
        EXPECT_EQ(client.wait(), 0);
    }
    tally.record();
    EXPECT_EQ(tally->lost, 0U) << "of " << tally->delivered << " that were delivered";
    expect_nothing_at(users_file());
    EXPECT_TRUE(fs::is_empty(users_folder()));
}

// Serves in a folder that has another name at the end.
void serve_while_renamed(const Command& started, const fs::path& before, bool killed) {
    const auto after = before.parent_path() / "after";
    Daemon daemon(started);
    fs::rename(before, after);
    if (killed) {
        daemon.kill();
    } else {
        EXPECT_EQ(daemon.stop(), 0) << daemon.errors();
    }
    wait_until([&] { return fs::is_empty(after); });
    for (const Mount& mount : mounts()) {
        EXPECT_FALSE(mount.path.string().starts_with(after.string() + "/")) << mount.path;
    }
    fs::remove(after);
}

// What an ordinary user's file lies in, by FUSE, is a folder with that file only.
class FolderOfAUsersFile : public UserTest {
  protected:
    [[nodiscard]] fs::path place() const { return users_folder() / ".ipcdev.ipcdevd" / "device"; }
};

TEST_F(FolderOfAUsersFile, HasTheFileAndNothingElse) {
    Daemon daemon(user_command());
    EXPECT_EQ(run_as(ordinary_user(),
                     [&] {
                         std::vector<fs::path> entries;
                         for (const auto& entry : fs::directory_iterator(place())) {
                             entries.push_back(entry.path());
                         }
                         return entries == std::vector{place() / "ipcdev"} &&
                                        passes_messages(entries[0]) &&
                                        !fs::exists(place() / "other")
                                    ? 0
                                    : 1;
                     }),
              0);
    EXPECT_EQ(run_as(ordinary_user(), [&] { return try_open(place() / "new", O_RDWR | O_CREAT); }),
              EACCES);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(FolderOfAUsersFile, IsNoDevice) {
    Daemon daemon(user_command());
    EXPECT_EQ(run_as(ordinary_user(),
                     [&] {
                         const Descriptor opened(open(place().c_str(), O_RDONLY | O_DIRECTORY));
                         ipcdev_info question{};
                         question.size = sizeof(question);
                         return ioctl(opened.get(), IPCDEV_IOC_INFO, &question) == 0 ? 0 : errno;
                     }),
              ENOTTY);
    EXPECT_EQ(
        run_as(ordinary_user(), [&] { return chmod(place().c_str(), 0777) == 0 ? 0 : errno; }),
        EPERM);
    EXPECT_EQ(run_as(ordinary_user(), [&] { return passes_messages(users_file()) ? 0 : 1; }), 0);
    EXPECT_EQ(daemon.stop(), 0);
    expect_nothing_at(users_file());
}

class WhoseFolderIsRenamed : public FuseTest {};

TEST_F(WhoseFolderIsRenamed, LeavesNothing) {
    for (const bool killed : {false, true}) {
        const auto place = folder() / "before";
        fs::create_directory(place);
        serve_while_renamed(daemon_command({"--path", place / "ipcdev"}), place, killed);
    }
}

TEST_F(WhoseFolderIsRenamed, LeavesNothingOfAnOrdinaryUserEither) {
    for (const bool killed : {false, true}) {
        const auto place = users_folder() / "before";
        ASSERT_EQ(run_as(ordinary_user(), [&] { return fs::create_directory(place) ? 0 : 1; }), 0);
        serve_while_renamed(user_command({"--path", place / "ipcdev"}), place, killed);
    }
}

// A server that does not answer must not be asked.
class WhoseServerIsStopped : public FuseTest {
  protected:
    static void stop_for_a_while(const Daemon& daemon) {
        daemon.signal(SIGSTOP);
        wait_until([&] { return proc_line(daemon.pid(), "status", "State").starts_with("T"); });
    }
};

TEST_F(WhoseServerIsStopped, IsSaidToBeServedAtOnce) {
    Daemon daemon(fuse_command());
    stop_for_a_while(daemon);
    expect_refusal(run(fuse_command()), {file().string() + " is served already, as a FUSE file",
                                         "by process " + std::to_string(daemon.pid())});
    daemon.signal(SIGCONT);
    EXPECT_TRUE(passes_messages(file()));
    EXPECT_EQ(daemon.stop(), 0);
    expect_nothing_at(file());
}

TEST_F(WhoseServerIsStopped, IsSaidToBeServedByAnOrdinaryUserToo) {
    Daemon daemon(user_command());
    stop_for_a_while(daemon);
    expect_refusal(run(user_command()), {users_file().string() + " is served already",
                                         "by process " + std::to_string(daemon.pid())});
    daemon.signal(SIGCONT);
    EXPECT_EQ(daemon.stop(), 0);
    expect_nothing_at(users_file());
}

TEST_F(WhoseServerIsStopped, IsTakenOverIfItIsKilledThen) {
    Daemon daemon(fuse_command());
    stop_for_a_while(daemon);
    kill_with_unmounter(daemon);
    Daemon next(fuse_command());
    EXPECT_TRUE(passes_messages(file()));
    EXPECT_EQ(next.stop(), 0);
}

// Nobody cleans up at once; a start waits for it, and can be told to end.
TEST_F(WhoseServerIsStopped, IsWaitedForWhereOnlyItsUnmounterIs) {
    Daemon daemon(fuse_command());
    const pid_t unmounter = unmounter_of(daemon);
    ASSERT_NE(unmounter, 0);
    kill(unmounter, SIGSTOP);
    wait_until([&] { return proc_line(unmounter, "status", "State").starts_with("T"); });
    daemon.kill();
    for (const bool told_to_end : {true, false}) {
        const NotifySocket systemd;
        Command started = fuse_command();
        started.environment.push_back(systemd.setting());
        Program next(started);
        wait_until([&] { // until it has looked whether the other one is done, and sleeps
            return next.ended() ||
                   system_call_of(next.pid()) == std::to_string(SYS_clock_nanosleep);
        });
        EXPECT_FALSE(next.ended()) << next.errors();
        if (told_to_end) {
            next.signal(SIGTERM);
            EXPECT_EQ(next.wait(), 0);
            EXPECT_EQ(next.errors(), "ipcdevd: info: stopped\n");
            continue;
        }
        kill(unmounter, SIGCONT);
        EXPECT_TRUE(becomes_ready(next, systemd)) << next.errors();
        EXPECT_TRUE(passes_messages(file()));
        next.signal(SIGTERM);
        EXPECT_EQ(next.wait(), 0);
    }
    expect_nothing_at(file());
}

// Its server has given up waiting for it, and ended: it still must not unmount the next one's.
TEST_F(WhoseServerIsStopped, IsWaitedForWhereItsServerEndedBeforeItsUnmounter) {
    Daemon daemon(user_command());
    const pid_t unmounter = unmounter_of(daemon);
    ASSERT_NE(unmounter, 0);
    kill(unmounter, SIGSTOP);
    wait_until([&] { return proc_line(unmounter, "status", "State").starts_with("T"); });
    daemon.stop();
    EXPECT_NE(daemon.errors().find("could not be unmounted"), std::string::npos) << daemon.errors();
    const NotifySocket systemd;
    Command started = user_command();
    started.environment.push_back(systemd.setting());
    Program next(started);
    wait_until([&] {
        return next.ended() || system_call_of(next.pid()) == std::to_string(SYS_clock_nanosleep);
    });
    EXPECT_FALSE(next.ended()) << next.errors();
    kill(unmounter, SIGCONT);
    EXPECT_TRUE(becomes_ready(next, systemd)) << next.errors();
    EXPECT_EQ(run_as(ordinary_user(), [&] { return passes_messages(users_file()) ? 0 : 1; }), 0);
    next.signal(SIGTERM);
    EXPECT_EQ(next.wait(), 0);
    expect_nothing_at(users_file());
}

// What stops all of a group or service at once does not take the cleaning up away.
TEST_F(WhoseServerIsStopped, IsCleanedUpWhateverSignalTheUnmounterGets) {
    Daemon daemon(fuse_command());
    const pid_t unmounter = unmounter_of(daemon);
    ASSERT_NE(unmounter, 0);
    for (int number = 1; number < SIGRTMAX; ++number) {
        const bool is_of_threads = number > SIGSYS && number < SIGRTMIN; // nobody sends these
        if (number != SIGKILL && number != SIGSTOP && !is_of_threads) {
            kill(unmounter, number);
        }
    }
    EXPECT_TRUE(passes_messages(file()));
    daemon.kill();
    wait_until([&] { return try_open(file()) == ENOENT; });
    expect_nothing_at(file());
}

TEST_F(WhoseServerIsStopped, IsSaidToBeLeftWhereItsUnmounterWasKilled) {
    Daemon daemon(fuse_command());
    const pid_t unmounter = unmounter_of(daemon);
    ASSERT_NE(unmounter, 0);
    kill(unmounter, SIGKILL);
    daemon.stop();
    EXPECT_NE(daemon.errors().find(file().string() + " could not be unmounted: the next ipcdevd"),
              std::string::npos)
        << daemon.errors();
    Daemon next(fuse_command());
    EXPECT_EQ(next.stop(), 0);
    expect_nothing_at(file());
}

} // namespace

} // namespace ipcdev::daemon_tests
