// SPDX-License-Identifier: MIT
//
// Blocking is a reply that comes later: no thread of the daemon waits for a
// client, and a client that is killed is let go at once.
#include <csignal>

#include "fixture.h"

namespace ipcdev::daemon_tests {

namespace {

class Parked : public EachTransport {
  protected:
    std::vector<Process> park_readers(const Descriptor& opened, unsigned count) {
        std::vector<Process> readers;
        for (unsigned i = 0; i < count; ++i) {
            readers.push_back(reader(device()));
        }
        wait_for_parked_readers(opened, count);
        return readers;
    }
};

TEST_P(Parked, FiftyReadersTakeNoThread) {
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    auto readers = park_readers(opened, 50);
    EXPECT_EQ(proc_line(daemon.pid(), "status", "Threads"), "1");
    for (unsigned i = 0; i < 50; ++i) {
        EXPECT_EQ(write_all(opened, "x"), 0);
    }
    for (Process& each : readers) {
        EXPECT_EQ(each.wait(), 0);
    }
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Parked, ReadersThatAreKilledAreGoneAtOnceAndTakeNothing) {
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    auto readers = park_readers(opened, 20);
    for (Process& each : readers) {
        each.kill();
    }
    EXPECT_EQ(info(opened).parked_readers, 0U);
    EXPECT_EQ(stats(opened).interrupted, 20U);
    EXPECT_EQ(write_all(opened, "kept"), 0);
    EXPECT_EQ(read_some(opened), "kept");
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Parked, TheDaemonStillAnswersEverythingElse) {
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    auto readers = park_readers(opened, 50);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(try_open(device()), 0);
    }
    wait_until([&] { return info(opened).opens == 51; });
    EXPECT_EQ(daemon.stop(), 0);
}

IPCDEV_EACH_TRANSPORT(Parked);

} // namespace

} // namespace ipcdev::daemon_tests
