// SPDX-License-Identifier: MIT
//
// However the daemon ends, nothing is left, and nobody hangs.
#include <poll.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "fixture.h"

namespace ipcdev::daemon_tests {

namespace {

class Ending : public EachTransport {
  protected:
    void expect_clean_end_by(int signal) {
        Daemon daemon(command());
        EXPECT_TRUE(passes_messages(device()));
        daemon.signal(signal);
        EXPECT_EQ(daemon.wait(), 0);
        EXPECT_TRUE(daemon.errors().ends_with("ipcdevd: info: stopped\n")) << daemon.errors();
        expect_nothing_at(device());
    }
    static bool is_gone(int error) {
        return error == ENODEV || error == ECONNABORTED || error == ENOTCONN || error == ENOENT ||
               error == ENXIO;
    }
};

TEST_P(Ending, BySigtermIsCleanWithStatus0) {
    expect_clean_end_by(SIGTERM);
}

TEST_P(Ending, BySigintIsCleanWithStatus0) {
    expect_clean_end_by(SIGINT);
}

TEST_P(Ending, BySighupIsCleanWithStatus0) {
    expect_clean_end_by(SIGHUP);
}

TEST_P(Ending, DoesNotComeBySignalsThatWereIgnoredFromTheStart) {
    Command started = command();
    started.before_exec = [] { std::signal(SIGHUP, SIG_IGN); }; // as nohup does
    Daemon daemon(started);
    daemon.signal(SIGHUP);
    EXPECT_TRUE(passes_messages(device()));
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Ending, DoesNotComeByStopAndContinueOrSigpipe) {
    Daemon daemon(command());
    daemon.signal(SIGSTOP);
    daemon.signal(SIGCONT);
    daemon.signal(SIGPIPE);
    daemon.signal(SIGALRM);
    EXPECT_TRUE(passes_messages(device()));
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Ending, BySignalsThatComeAgainAndAgainIsClean) {
    for (int round = 0; round < rounds(20) && !HasFailure(); ++round) {
        Daemon daemon(command());
        do {
            daemon.signal(SIGTERM);
            daemon.signal(SIGINT);
            daemon.signal(SIGHUP);
        } while (!daemon.ended());
        EXPECT_EQ(daemon.wait(), 0) << daemon.errors();
        expect_nothing_at(device());
    }
}

TEST_P(Ending, AnswersParkedClientsWithENODEV) {
    Daemon daemon(command({"--depth", "1"}));
    std::vector<Process> readers;
    const Descriptor opened = open_device(device());
    for (int i = 0; i < 5; ++i) {
        readers.push_back(reader(device()));
    }
    wait_for_parked_readers(opened, 5);
    EXPECT_EQ(daemon.stop(), 0);
    for (Process& parked : readers) {
        EXPECT_EQ(parked.wait(), ENODEV);
    }
}

TEST_P(Ending, AnswersParkedWritersWithENODEVAndDropsTheQueue) {
    Daemon daemon(command({"--depth", "1"}));
    const Descriptor opened = open_device(device());
    ASSERT_EQ(write_all(opened, "fills it"), 0);
    Process first = writer(device(), "waits");
    Process second = writer(device(), "waits too");
    wait_for_parked_writers(opened, 2);
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(first.wait(), ENODEV);
    EXPECT_EQ(second.wait(), ENODEV);
    EXPECT_TRUE(is_gone(write_all(opened, "late")));
}

TEST_P(Ending, WakesPollers) {
    Daemon daemon(command());
    Process poller([&] {
        const Descriptor opened = open_device(device());
        pollfd news{.fd = opened.get(), .events = POLLIN, .revents = 0};
        return poll(&news, 1, -1) == 1 && (news.revents & POLLERR) != 0 ? 0 : 1;
    });
    const Descriptor opened = open_device(device());
    wait_until([&] { return info(opened).opens == 2; });
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(poller.wait(), 0);
}

TEST_P(Ending, WhileClientsAreBusyIsClean) {
    for (int round = 0; round < rounds(40) && !HasFailure(); ++round) {
        Daemon daemon(command());
        std::vector<Process> clients;
        for (int i = 0; i < 4; ++i) {
            clients.emplace_back([&, i] {
                const Descriptor opened = open_device(device(), O_RDWR);
                for (;;) { // until the device is gone
                    char byte = 0;
                    const ssize_t moved =
                        i % 2 == 0 ? read(opened.get(), &byte, 1) : write(opened.get(), "x", 1);
                    if (moved != 1) {
                        return is_gone(errno) ? 0 : errno;
                    }
                }
            });
        }
        const Descriptor opened = open_device(device());
        const unsigned long long enough = 50U + (static_cast<unsigned>(round) % 7U * 13U);
        wait_until([&] { return info(opened).opens == 5 && stats(opened).messages_read > enough; });
        EXPECT_EQ(daemon.stop(), 0);
        for (Process& client : clients) {
            EXPECT_EQ(client.wait(), 0);
        }
        expect_nothing_at(device());
    }
}

// After the unmount the file below shows for a moment.
TEST_P(Ending, WhileClientsOpenAndWriteLeavesNothing) {
    for (int round = 0; round < rounds(40) && !HasFailure(); ++round) {
        Daemon daemon(command());
        std::vector<Process> clients;
        for (int i = 0; i < 3; ++i) {
            clients.emplace_back([&] {
                for (;;) {
                    const Descriptor opened(open(device().c_str(), O_WRONLY | O_NONBLOCK));
                    if (!opened.is_open()) {
                        return is_gone(errno) ? 0 : errno;
                    }
                    static_cast<void>(write_all(opened, "x"));
                }
            });
        }
        const Descriptor opened = open_device(device());
        wait_until([&] { return stats(opened).messages_written > 20; });
        EXPECT_EQ(daemon.stop(), 0);
        for (Process& client : clients) {
            EXPECT_EQ(client.wait(), 0);
        }
        expect_nothing_at(device());
    }
}

TEST_P(Ending, ByKillLeavesADeviceThatTheNextDaemonServes) {
    for (int round = 0; round < rounds(10) && !HasFailure(); ++round) {
        Daemon daemon(command());
        EXPECT_TRUE(passes_messages(device()));
        daemon.kill();
    }
    Daemon last(command());
    EXPECT_TRUE(passes_messages(device()));
    EXPECT_EQ(last.stop(), 0);
    expect_nothing_at(device());
}

IPCDEV_EACH_TRANSPORT(Ending);

class EndingOfAUsersFile : public UserTest {};

TEST_F(EndingOfAUsersFile, BySigtermIsCleanEachTime) {
    for (int round = 0; round < rounds(40) && !HasFailure(); ++round) {
        Daemon daemon(user_command());
        EXPECT_EQ(daemon.stop(), 0) << daemon.errors();
        expect_nothing_at(users_file());
    }
}

TEST_F(EndingOfAUsersFile, BySignalsThatComeAgainAndAgainIsClean) {
    for (int round = 0; round < rounds(20) && !HasFailure(); ++round) {
        Daemon daemon(user_command());
        do {
            daemon.signal(SIGTERM);
            daemon.signal(SIGINT);
        } while (!daemon.ended());
        EXPECT_EQ(daemon.wait(), 0) << daemon.errors();
        expect_nothing_at(users_file());
    }
}

class TakenAway : public RootTest {};

TEST_F(TakenAway, ByUmountTheDaemonEndsByItself) {
    Daemon daemon(fuse_command());
    ASSERT_EQ(umount2(file().c_str(), 0), 0);
    EXPECT_EQ(daemon.wait(), 0);
    EXPECT_NE(daemon.errors().find(file().string() + " was unmounted from outside"),
              std::string::npos)
        << daemon.errors();
    expect_nothing_at(file());
}

TEST_F(TakenAway, ByALazyUmountTheDaemonEndsWithItsLastClient) {
    Daemon daemon(fuse_command());
    Descriptor device = open_device(file());
    ASSERT_EQ(umount2(file().c_str(), MNT_DETACH), 0);
    EXPECT_EQ(write_all(device, "still"), 0);
    EXPECT_EQ(read_some(device), "still");
    EXPECT_FALSE(daemon.ended());
    device.close();
    EXPECT_EQ(daemon.wait(), 0);
    expect_nothing_at(file());
}

TEST_F(TakenAway, AndSomethingElsePutThereWhileItServesItIsLeftAlone) {
    Daemon daemon(fuse_command());
    ASSERT_EQ(umount2(file().c_str(), MNT_DETACH), 0);
    fs::remove(file());
    make_file(file(), "somebody's");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), 0);
    EXPECT_EQ(contents(file()), "somebody's");
}

} // namespace

} // namespace ipcdev::daemon_tests
