// SPDX-License-Identifier: MIT
//
// What the daemon logs, and what it must not.
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "fixture.h"
#include "support/errors.h"

namespace ipcdev::daemon_tests {

namespace {

const std::string secret = "s3cr3t-P4SSWORD-";

class Log : public EachTransport {
  protected:
    // Everything a message can meet: queued, parked, cut, refused, interrupted, left.
    void use_all_ways() {
        const Descriptor opened = open_device(device());
        EXPECT_EQ(write_all(opened, secret + "queued"), 0);
        EXPECT_EQ(read_some(opened, 3), secret.substr(0, 3));
        EXPECT_EQ(read_some(opened), secret.substr(3) + "queued");
        Process parked_reader = reader(device());
        wait_for_parked_readers(opened, 1);
        EXPECT_EQ(write_all(opened, secret + "handed"), 0);
        EXPECT_EQ(parked_reader.wait(), 0);
        while (write_all(opened, secret + "fills") == 0) {
        }
        Process parked_writer = writer(device(), secret + "parked");
        wait_for_parked_writers(opened, 1);
        parked_writer.kill();
        EXPECT_EQ(write_all(opened, std::string(70'000, 's')), EMSGSIZE);
    }
};

TEST_P(Log, NeverHasTheContentsOfAMessageAtAnyLevel) {
    for (const std::string level : {"trace", "debug", "info"}) {
        Daemon daemon(command({"--log-level", level, "--depth", "4"}));
        use_all_ways();
        EXPECT_EQ(daemon.stop(), 0);
        const std::string log = daemon.output() + daemon.errors();
        EXPECT_EQ(log.find("s3cr3t"), std::string::npos) << level;
        EXPECT_EQ(log.find("P4SSWORD"), std::string::npos) << level;
        if (level == "trace") {
            EXPECT_NE(log.find("parked: write of"), std::string::npos) << log;
            EXPECT_NE(log.find("parked: read of"), std::string::npos) << log;
        }
    }
}

TEST_P(Log, SaysNothingPerMessageOrOpenAtLevelDebug) {
    Daemon daemon(command({"--log-level", "debug", "--depth", "4"}));
    use_all_ways();
    const std::string before = daemon.errors();
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(try_open(device()), 0);
    }
    const Descriptor opened = open_device(device());
    for (int i = 0; i < 20; ++i) {
        static_cast<void>(read_some(opened));
        EXPECT_EQ(write_all(opened, "x"), 0);
    }
    EXPECT_EQ(daemon.errors(), before);
    EXPECT_LE(std::ranges::count(before, '\n'), 3) << before;
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Log, IsSilentAtLevelOff) {
    Daemon daemon(command({"--log-level", "off"}));
    use_all_ways();
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(daemon.errors(), "");
    EXPECT_EQ(daemon.output(), "");
}

TEST_P(Log, HasOnlyWarningsAtLevelWarn) {
    Daemon daemon(command({"--log-level", "warn"}));
    use_all_ways();
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(daemon.errors(), "");
}

IPCDEV_EACH_TRANSPORT(Log);

class LogOfAFile : public RootTest {};

TEST_F(LogOfAFile, IsColouredForATerminalOnly) {
    Daemon daemon(fuse_command());
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(daemon.errors().find('\x1b'), std::string::npos);
}

TEST_F(LogOfAFile, OfABackgroundDaemonGoesToSyslog) {
    const auto socket_path = folder() / "log";
    const Descriptor syslog(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
    socket_path.string().copy(name.sun_path, sizeof(name.sun_path) - 1);
    ASSERT_EQ(bind(syslog.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
    fs::permissions(socket_path, fs::perms{0666}); // as /dev/log's

    const NotifySocket systemd;
    Command command = fuse_command({"--background"});
    command.environment.push_back(systemd.setting());
    command.before_exec = [&] { // a /dev with FUSE, null and a log
        struct stat fuse {};
        struct stat null {};
        checked(stat("/dev/fuse", &fuse), "stat");
        checked(stat("/dev/null", &null), "stat");
        // Nothing that hides the mount from the tests: only /dev is covered.
        checked(unshare(CLONE_NEWNS), "unshare");
        checked(mount("dev", "/dev", "tmpfs", 0, "mode=0755"), "mount");
        checked(mknod("/dev/fuse", S_IFCHR | 0666, fuse.st_rdev), "mknod");
        checked(mknod("/dev/null", S_IFCHR | 0666, null.st_rdev), "mknod");
        checked(symlink(socket_path.c_str(), "/dev/log"), "symlink");
    };
    EXPECT_EQ(Program(command).wait(), 0);
    Process daemon = adopt_background_daemon(systemd);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), 0);
    std::string line;
    while (line.find("stopped") == std::string::npos) { // what comes before depends on the machine
        std::array<char, 512> text{};
        const ssize_t got = recv(syslog.get(), text.data(), text.size(), MSG_DONTWAIT);
        ASSERT_GT(got, 0) << "the last line is: " << line;
        line.assign(text.data(), static_cast<std::size_t>(got));
        EXPECT_NE(line.find("ipcdevd["), std::string::npos) << line;
    }
}

} // namespace

} // namespace ipcdev::daemon_tests
