// SPDX-License-Identifier: MIT
//
// When and how the daemon says that the device can be used.
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "fixture.h"

namespace ipcdev::daemon_tests {

namespace {

// Both ends of a pipe, for a program's stderr.
struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
        out = Descriptor(ends[0]);
        in = Descriptor(ends[1]);
    }
    // Up to the end of the first line, or of the pipe.
    [[nodiscard]] std::string line() const {
        std::string text;
        char byte = 0;
        while (!text.ends_with('\n') && read(out.get(), &byte, 1) == 1) {
            text += byte;
        }
        return text;
    }
    [[nodiscard]] bool is_at_its_end() const {
        char byte = 0;
        return read(out.get(), &byte, 1) == 0;
    }

    Descriptor out;
    Descriptor in;
};

class Readiness : public EachTransport {};

TEST_P(Readiness, IsALineOnStderrWithThePathAndTheTransport) {
    Pipe errors;
    Command started = command();
    started.before_exec = [&] { dup2(errors.in.get(), STDERR_FILENO); };
    Program daemon(started);
    errors.in.close();
    const std::string how = by_cuse() ? "served by CUSE" : "served as a FUSE file";
    EXPECT_EQ(errors.line(), "ipcdevd: info: ready: " + device().string() + " " + how + "\n");
    EXPECT_TRUE(passes_messages(device()));
    daemon.signal(SIGTERM);
    EXPECT_EQ(errors.line(), "ipcdevd: info: stopped\n");
    EXPECT_TRUE(errors.is_at_its_end());
    EXPECT_EQ(daemon.wait(), 0);
}

TEST_P(Readiness, IsToldToSystemdOnceTheDeviceCanBeUsed) {
    for (int round = 0; round < rounds(10); ++round) {
        const NotifySocket systemd;
        Command started = command();
        started.environment.push_back(systemd.setting());
        Program daemon(started);
        const auto message = systemd.receive(daemon);
        EXPECT_TRUE(passes_messages(device()));
        EXPECT_TRUE(message.text.starts_with("READY=1\nSTATUS=" + device().string()))
            << message.text << daemon.errors();
        EXPECT_EQ(message.sender, daemon.pid());
        daemon.signal(SIGTERM);
        EXPECT_EQ(systemd.receive(daemon).text, "STOPPING=1");
        EXPECT_EQ(daemon.wait(), 0);
    }
}

TEST_P(Readiness, IsNotToldToSystemdByADaemonThatCannotServe) {
    Daemon first(command());
    const NotifySocket systemd;
    Command started = command();
    started.environment.push_back(systemd.setting());
    Program second(started);
    EXPECT_EQ(systemd.receive(second).text, "");
    EXPECT_EQ(second.wait(), 1);
}

IPCDEV_EACH_TRANSPORT(Readiness);

class Background : public EachTransport {
  protected:
    // Runs --background to its end; the daemon it leaves becomes a Process.
    Process start(Command started) {
        const NotifySocket systemd;
        started.environment.push_back(systemd.setting());
        started.arguments.emplace_back("--background");
        Program parent(started);
        const Status status = parent.wait();
        EXPECT_EQ(status, 0) << parent.errors();
        return adopt_background_daemon(systemd);
    }
    static void stop(Process& daemon) {
        daemon.signal(SIGTERM);
        EXPECT_EQ(daemon.wait(), 0);
    }
    static std::string link(const Process& daemon, const std::string& name) {
        return fs::read_symlink("/proc/" + std::to_string(daemon.pid()) + "/" + name);
    }
};

TEST_P(Background, ReturnsWithStatus0OnceTheDeviceCanBeUsed) {
    for (int round = 0; round < rounds(10); ++round) {
        Process daemon = start(command());
        EXPECT_TRUE(passes_messages(device()));
        stop(daemon);
        expect_nothing_at(device());
    }
}

TEST_P(Background, GoesOnWhenTheProcessThatServesIsKilled) {
    Process daemon = start(command());
    const Descriptor opened = open_device(device());
    ASSERT_EQ(write_all(opened, "still there"), 0);
    const pid_t server = server_of(daemon);
    ASSERT_NE(server, 0);
    kill(server, SIGKILL);
    EXPECT_EQ(read_some(opened), "still there");
    EXPECT_NE(next_server_of(daemon, server), 0);
    stop(daemon);
    expect_nothing_at(device());
}

TEST_P(Background, IsOneProcessIfItIsNotToBeKept) {
    Command started = command();
    started.arguments.emplace_back("--no-keep");
    Process daemon = start(started);
    EXPECT_TRUE(passes_messages(device()));
    EXPECT_EQ(server_of(daemon), 0);
    stop(daemon);
}

TEST_P(Background, FailsWithStatus1AndTheSentence) {
    Daemon first(command());
    Command started = command();
    started.arguments.emplace_back("--background");
    expect_refusal(run(started), {device().string(), "is served already"});
}

TEST_P(Background, LetsGoOfThePipesOfWhoeverStartedIt) {
    Pipe input;
    Pipe output;
    Pipe errors;
    Command started = command();
    started.before_exec = [&] {
        dup2(input.out.get(), STDIN_FILENO);
        dup2(output.in.get(), STDOUT_FILENO);
        dup2(errors.in.get(), STDERR_FILENO);
    };
    Process daemon = start(started);
    output.in.close();
    errors.in.close();
    EXPECT_TRUE(errors.line().starts_with("ipcdevd: info: ready: "));
    EXPECT_TRUE(errors.is_at_its_end());
    EXPECT_TRUE(output.is_at_its_end());
    for (const char* fd : {"fd/0", "fd/1", "fd/2"}) {
        EXPECT_EQ(link(daemon, fd), "/dev/null");
    }
    stop(daemon);
}

TEST_P(Background, IsInItsOwnSessionAndKeepsNoFolderBusy) {
    Process daemon = start(command());
    EXPECT_EQ(getsid(daemon.pid()), daemon.pid());
    EXPECT_EQ(link(daemon, "cwd"), "/");
    stop(daemon);
}

IPCDEV_EACH_TRANSPORT(Background);

class BackgroundFile : public FuseTest {};

TEST_F(BackgroundFile, IsFoundAgainByARelativePath) {
    Command started = daemon_command({"--path", "ipcdev", "--background"});
    const NotifySocket systemd;
    started.environment.push_back(systemd.setting());
    started.before_exec = [&] { EXPECT_EQ(chdir(folder().c_str()), 0); };
    EXPECT_EQ(Program(started).wait(), 0);
    Process daemon = adopt_background_daemon(systemd);
    EXPECT_TRUE(passes_messages(file()));
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), 0);
    expect_nothing_at(file());
}

TEST_F(BackgroundFile, FailsWithStatus1WhenTheDaemonIsKilledBeforeItIsReady) {
    // The child waits for who is to take the last one's mount off, and does not: the kill
    // finds it before it is ready.
    Daemon first(fuse_command());
    const pid_t unmounter = unmounter_of(first);
    ASSERT_NE(unmounter, 0);
    kill(unmounter, SIGSTOP);
    first.kill();
    Command started = fuse_command({"--background"});
    Program parent(started);
    const std::string children = "/proc/" + std::to_string(parent.pid()) + "/task/" +
                                 std::to_string(parent.pid()) + "/children";
    wait_until([&] { return !contents(children).empty(); });
    Process child(static_cast<pid_t>(std::stoi(contents(children))));
    child.kill();
    EXPECT_EQ(parent.wait(), 1);
    kill(unmounter, SIGCONT);
    wait_until([&] { return try_open(file()) == ENOENT; });
}

} // namespace

} // namespace ipcdev::daemon_tests
