// SPDX-License-Identifier: MIT
//
// WAITERS for who asks from namespaces of its own: threads are numbered, and the time is
// counted, as there. A daemon can't know them; that difference is declared here.
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "device_test.h"

namespace ipcdev::conformance {
namespace {

constexpr std::int64_t ahead_s = 1'000'000; // of the namespace's monotonic clock

// What is seen inside.
struct Seen {
    ipcdev_waiters waiters{};
    pid_t reader = 0; // of the process that was parked there, as it is numbered inside
    int error = 0;
};

bool enter_namespaces(std::int64_t seconds_ahead) {
    const int namespaces = CLONE_NEWPID | CLONE_NEWTIME | (geteuid() == 0 ? 0 : CLONE_NEWUSER);
    if (unshare(namespaces) != 0) {
        return false;
    }
    std::ofstream offsets("/proc/self/timens_offsets");
    offsets << "monotonic " << seconds_ahead << " 0\n" << std::flush;
    return static_cast<bool>(offsets);
}

ipcdev_waiters ask_waiters(int fd, int& error) {
    ipcdev_waiters waiters{};
    waiters.size = sizeof(waiters);
    error = ::ioctl(fd, IPCDEV_IOC_WAITERS, &waiters) == 0 ? 0 : errno;
    return waiters;
}

Seen look(int fd) {
    Seen seen;
    seen.waiters = ask_waiters(fd, seen.error);
    return seen;
}

// Has a process parked beside it, looks once that is, and kills it.
Seen park_and_look(int fd) {
    Seen seen;
    seen.reader = ::fork();
    if (seen.reader == 0) {
        char byte = 0;
        static_cast<void>(!::read(fd, &byte, 1));
        _exit(0);
    }
    do {
        seen.waiters = ask_waiters(fd, seen.error);
    } while (seen.error == 0 && seen.waiters.total == 0);
    ::kill(seen.reader, SIGKILL);
    ::waitpid(seen.reader, nullptr, 0);
    return seen;
}

// numbers: how far ahead the clock is, and whether a process is parked inside. The first
// process of the namespaces looks.
Outcome look_inside(const Call& call) {
    std::array<int, 2> pipe{};
    if (!enter_namespaces(call.numbers[0]) || ::pipe(pipe.data()) != 0) {
        return outcome(-1);
    }
    const pid_t first = ::fork();
    if (first == 0) {
        const Seen seen = call.numbers[1] != 0 ? park_and_look(call.fd) : look(call.fd);
        _exit(::write(pipe[1], &seen, sizeof(seen)) == sizeof(seen) ? 0 : 1);
    }
    ::close(pipe[1]);
    Seen seen;
    const bool came = first > 0 && ::read(pipe[0], &seen, sizeof(seen)) == sizeof(seen);
    ::close(pipe[0]);
    ::waitpid(first, nullptr, 0);
    return outcome(came ? 0 : -1, bytes_of(seen));
}

class Namespaces : public DeviceTest {
  protected:
    static Seen seen_inside(Client& client, bool parks_there, Where where = Where::here()) {
        static_cast<void>(client.fd());
        const Outcome done =
            client.run(look_inside, {Client::own, {ahead_s, parks_there ? 1 : 0}, {}, -1});
        if (done.result < 0) {
            skip("no namespaces can be made here: " + done.text(), where);
        }
        const auto seen = from_bytes<Seen>(done.bytes);
        if (seen.error != 0 || seen.waiters.count != 1) {
            fail("WAITERS inside: " + errno_text(seen.error), where);
        }
        return seen;
    }
};

TEST_F(Namespaces, WaitersHasNoNumberForAThreadThatThePidNamespaceLacks) {
    contract("I3");
    read_parks(a);
    const Seen seen = seen_inside(b, false);
    if (is_module()) {
        EXPECT_EQ(seen.waiters.waiters[0].pid, 0);
    } else {
        EXPECT_EQ(seen.waiters.waiters[0].pid, a.pid());
        declared_difference("threads are numbered as in the daemon's namespace");
    }
    EXPECT_EQ(observer().waiters().waiters[0].pid, a.pid());
}

TEST_F(Namespaces, WaitersNumbersAThreadAsThePidNamespaceOfTheCallerDoes) {
    contract("I3");
    const Seen seen = seen_inside(b, true);
    if (is_module()) {
        EXPECT_EQ(seen.waiters.waiters[0].pid, seen.reader);
    } else {
        EXPECT_GT(seen.waiters.waiters[0].pid, 0);
        EXPECT_NE(seen.waiters.waiters[0].pid, seen.reader);
        declared_difference("threads are numbered as in the daemon's namespace");
    }
}

TEST_F(Namespaces, WaitersTellsSinceWhenByTheClockOfTheCaller) {
    contract("I3");
    read_parks(a);
    const std::uint64_t outside = observer().waiters().waiters[0].since_ns;
    const std::uint64_t inside = seen_inside(b, false).waiters.waiters[0].since_ns;
    if (is_module()) {
        EXPECT_EQ(inside, outside + std::uint64_t{ahead_s} * 1'000'000'000);
    } else {
        EXPECT_EQ(inside, outside);
        declared_difference("the time is that of the daemon's namespace");
    }
}

} // namespace
} // namespace ipcdev::conformance
