// SPDX-License-Identifier: MIT
//
// Chapter 'ioctl' of the contract: INFO, STATS, WAITERS, and the form that all
// of them share. CONFIGURE and CLEAR are in configure.cpp.
#include <cstddef>
#include <cstdint>
#include <ctime>

#include "device_test.h"

namespace ipcdev::conformance {
namespace {

using Ioctl = DeviceTest;

template <class Struct> Struct sized() {
    Struct argument{};
    argument.size = sizeof(argument);
    return argument;
}

template <class Struct> Outcome call(Client& client, unsigned long number, const Struct& argument) {
    return client.ioctl(number, bytes_of(argument));
}

std::uint64_t monotonic_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(now.tv_nsec);
}

// --- INFO

TEST_F(Ioctl, InfoTellsTheABIVersionAndWhoServes) {
    contract("I1");
    const ipcdev_info now = info();
    EXPECT_EQ(now.size, sizeof(now));
    EXPECT_EQ(now.abi_version, 1U);
    EXPECT_GE(now.server, static_cast<unsigned>(IPCDEV_SERVER_MODULE));
    EXPECT_LE(now.server, static_cast<unsigned>(IPCDEV_SERVER_FUSE));
}

TEST_F(Ioctl, InfoTellsTheCapabilitiesOfWhoServes) {
    contract("I1");
    unsigned capabilities = 0; // as a FUSE file
    if (info().server == IPCDEV_SERVER_MODULE) {
        capabilities =
            IPCDEV_CAP_RESTART | IPCDEV_CAP_CHARDEV | IPCDEV_CAP_UNSPLIT | IPCDEV_CAP_NOWAIT;
    } else if (info().server == IPCDEV_SERVER_CUSE) {
        capabilities = IPCDEV_CAP_CHARDEV;
    }
    EXPECT_EQ(info().capabilities & ~IPCDEV_CAP_KEPT, capabilities); // the daemon's option
}

TEST_F(Ioctl, InfoTellsModeDepthAndMaxMessage) {
    contract("I1");
    become_fifo(3, 100);
    EXPECT_EQ(info().mode, static_cast<unsigned>(IPCDEV_MODE_FIFO));
    EXPECT_EQ(info().depth, 3U);
    EXPECT_EQ(info().max_message, 100U);
    become_slot(200);
    EXPECT_EQ(info().mode, static_cast<unsigned>(IPCDEV_MODE_SLOT));
    EXPECT_EQ(info().depth, 1U);
    EXPECT_EQ(info().max_message, 200U);
}

TEST_F(Ioctl, InfoCountsQueuedMessagesAndBytesAndBegunMessages) {
    contract("I1");
    write_ok(a, "abc");
    write_ok(a, "defgh");
    expect_queued(2, 8);
    expect_read(b, "ab", 2);
    expect_queued(1, 5);
    EXPECT_EQ(info().begun_messages, 1U);
    expect_read(b, "c");
    expect_queued(1, 5);
    EXPECT_EQ(info().begun_messages, 0U);
}

TEST_F(Ioctl, InfoCountsWhatACloseLeftOfAMessageAsOne) {
    contract("I1", "O3");
    write_ok(a, "abc");
    write_ok(a, "defgh");
    expect_read(b, "ab", 2);
    b.end();
    wait_opens(2);
    expect_queued(2, 6);
    expect_begun(0);
}

TEST_F(Ioctl, InfoCountsParkedReadersAndWriters) {
    contract("I1");
    become_fifo(1);
    read_parks(a);
    read_parks(b);
    expect_parked(2, 0);
    write_ok(c, "x");
    expect_parked(1, 0);
    write_ok(c, "y");
    fill(c);
    write_parks(d, "z");
    expect_parked(0, 1);
}

TEST_F(Ioctl, InfoCountsOpens) {
    contract("I1");
    EXPECT_EQ(info().opens, 1U);
    static_cast<void>(a.fd());
    static_cast<void>(b.fd());
    EXPECT_EQ(info().opens, 3U);
    a.end();
    wait_opens(2);
}

TEST_F(Ioctl, InfoNeedsNoMoreThanAReadOnlyOrAWriteOnlyOpen) {
    contract("I1");
    for (const int mode : {O_RDONLY, O_WRONLY}) {
        ASSERT_GE(a.open(mode).result, 0);
        expect_result(call(a, IPCDEV_IOC_INFO, sized<ipcdev_info>()), 0);
        expect_result(call(a, IPCDEV_IOC_STATS, sized<ipcdev_stats>()), 0);
        expect_result(call(a, IPCDEV_IOC_WAITERS, sized<ipcdev_waiters>()), 0);
    }
}

// --- STATS

TEST_F(Ioctl, StatsCountMessagesAndBytesWrittenAndRead) {
    contract("I2");
    const ipcdev_stats before = stats();
    write_ok(a, "abc");
    write_ok(a, "defgh");
    expect_read(b, "abc");
    const ipcdev_stats now = stats();
    EXPECT_EQ(now.messages_written - before.messages_written, 2U);
    EXPECT_EQ(now.bytes_written - before.bytes_written, 8U);
    EXPECT_EQ(now.messages_read - before.messages_read, 1U);
    EXPECT_EQ(now.bytes_read - before.bytes_read, 3U);
}

TEST_F(Ioctl, StatsCountWhatIsHandedToAParkedReader) {
    contract("I2");
    const ipcdev_stats before = stats();
    read_parks(a);
    write_ok(b, "abc");
    expect_read(a, "abc");
    const ipcdev_stats now = stats();
    EXPECT_EQ(now.messages_written - before.messages_written, 1U);
    EXPECT_EQ(now.messages_read - before.messages_read, 1U);
    EXPECT_EQ(now.bytes_read - before.bytes_read, 3U);
}

TEST_F(Ioctl, StatsCountOverwrittenMessagesAndTruncatedBytes) {
    contract("I2");
    become_slot();
    const ipcdev_stats before = stats();
    write_ok(a, "overwritten");
    write_ok(a, "truncated");
    expect_read(b, "tr", 2);
    EXPECT_EQ(bytes_of(stats().bytes_truncated), bytes_of(before.bytes_truncated));
    b.end();
    wait_opens(2);
    const ipcdev_stats now = stats();
    EXPECT_EQ(now.messages_overwritten - before.messages_overwritten, 1U);
    EXPECT_EQ(now.bytes_truncated - before.bytes_truncated, 7U);
    EXPECT_EQ(now.messages_read - before.messages_read, 1U);
    EXPECT_EQ(now.bytes_read - before.bytes_read, 2U);
}

TEST_F(Ioctl, StatsCountParksOfReadersAndOfWritersAndInterruptedOnes) {
    contract("I2");
    become_fifo(1);
    const ipcdev_stats before = stats();
    read_parks(a);
    read_parks(b);
    interrupt(a);
    expect_ended(a, EINTR);
    write_ok(c, "0");
    expect_read(b, "0");
    write_ok(c, "1");
    write_parks(d, "2");
    killed(d);
    wait_parked_writers(0);
    const ipcdev_stats now = stats();
    EXPECT_EQ(now.reader_parks - before.reader_parks, 2U);
    EXPECT_EQ(now.writer_parks - before.writer_parks, 1U);
    EXPECT_EQ(now.interrupted - before.interrupted, 2U);
}

TEST_F(Ioctl, StatsCountNothingForACallThatFailsOrIsEmpty) {
    contract("I2", "W1");
    become_fifo(1, 10);
    expect_result(a.write("x"), 1);
    a.set_nonblocking();
    const std::string before = bytes_of(stats());
    expect_error(a.write("full"), EAGAIN);
    expect_error(a.write("more than ten"), EMSGSIZE);
    expect_error(a.write_from_bad_buffer(5), EFAULT);
    expect_result(a.write(""), 0);
    expect_result(a.read(0), 0);
    EXPECT_EQ(bytes_of(stats()), before);
    expect_read(a, "x");
    const std::string empty = bytes_of(stats());
    expect_error(a.read(1), EAGAIN);
    EXPECT_EQ(bytes_of(stats()), empty);
}

TEST_F(Ioctl, StatsAreNeverResetWhileTheDeviceLives) {
    contract("I2");
    write_ok(a, "x");
    expect_read(a, "x");
    write_ok(a, "cleared");
    observer().clear();
    become_slot();
    become_fifo(5);
    a.end();
    const ipcdev_stats before = stats();
    observer().disconnect(); // the last close
    server().ensure();
    EXPECT_EQ(bytes_of(stats()), bytes_of(before));
    EXPECT_GE(before.messages_written, 2U);
}

TEST_F(Ioctl, StatsBalanceAtAnyQuietMoment) {
    contract("I2");
    write_ok(a, "one");
    write_ok(a, "two");
    expect_balance();
    expect_read(b, "o", 1);
    expect_balance();
    expect_read(b, "ne");
    expect_balance();
    observer().clear();
    expect_balance();
    become_slot();
    write_ok(a, "old");
    write_ok(a, "new");
    expect_balance();
    expect_read(b, "n", 1);
    expect_balance();
    expect_read(b, "ew");
    read_parks(b);
    write_ok(a, "handed over");
    expect_read(b, "handed over");
    expect_balance();
}

// --- WAITERS

TEST_F(Ioctl, WaitersTellsNobodyWhenNobodyIsParked) {
    contract("I3");
    write_ok(a, "x");
    const ipcdev_waiters parked = observer().waiters();
    EXPECT_EQ(parked.count, 0U);
    EXPECT_EQ(parked.total, 0U);
    EXPECT_EQ(bytes_of(parked.waiters), std::string(sizeof(parked.waiters), '\0'));
}

TEST_F(Ioctl, WaitersTellsThePidReadOrWriteAndBytes) {
    contract("I3");
    become_fifo(1);
    read_parks(a, 123);
    ipcdev_waiters parked = observer().waiters();
    ASSERT_EQ(parked.count, 1U);
    EXPECT_EQ(parked.waiters[0].pid, a.pid());
    EXPECT_EQ(parked.waiters[0].operation, static_cast<unsigned>(IPCDEV_WAITER_READ));
    EXPECT_EQ(parked.waiters[0].bytes, 123U);
    write_ok(b, "ends the reader's wait");
    fill(b);
    write_parks(c, "four");
    parked = observer().waiters();
    ASSERT_EQ(parked.count, 1U);
    EXPECT_EQ(parked.waiters[0].pid, c.pid());
    EXPECT_EQ(parked.waiters[0].operation, static_cast<unsigned>(IPCDEV_WAITER_WRITE));
    EXPECT_EQ(parked.waiters[0].bytes, 4U);
}

TEST_F(Ioctl, WaitersTellsThePidOfTheThread) {
    contract("I3");
    static_cast<void>(a.fd());
    Client thread = a.thread("a's thread");
    read_parks(thread);
    ASSERT_NE(thread.pid(), a.pid());
    EXPECT_EQ(observer().waiters().waiters[0].pid, thread.pid());
}

TEST_F(Ioctl, WaitersTellsSinceWhen) {
    contract("I3");
    static_cast<void>(a.fd());
    const std::uint64_t before = monotonic_ns();
    read_parks(a);
    const std::uint64_t after = monotonic_ns();
    const std::uint64_t since = observer().waiters().waiters[0].since_ns;
    EXPECT_GE(since, before);
    EXPECT_LE(since, after);
    EXPECT_EQ(observer().waiters().waiters[0].since_ns, since) << "it moves while parked";
}

TEST_F(Ioctl, WaitersTellsReadersInTheOrderInWhichTheyWillBeServed) {
    contract("I3", "R6");
    for (Client* client : {&c, &a, &b}) {
        read_parks(*client);
    }
    const ipcdev_waiters parked = observer().waiters();
    ASSERT_EQ(parked.count, 3U);
    EXPECT_EQ(parked.total, 3U);
    EXPECT_EQ(parked.waiters[0].pid, c.pid());
    EXPECT_EQ(parked.waiters[1].pid, a.pid());
    EXPECT_EQ(parked.waiters[2].pid, b.pid());
    EXPECT_LE(parked.waiters[0].since_ns, parked.waiters[1].since_ns);
    EXPECT_LE(parked.waiters[1].since_ns, parked.waiters[2].since_ns);
}

TEST_F(Ioctl, WaitersTellsOnlyWhoIsStillParked) {
    contract("I3");
    for (Client* client : {&a, &b, &c}) {
        read_parks(*client);
    }
    interrupt(b);
    expect_ended(b, EINTR);
    write_ok(d, "for a");
    const ipcdev_waiters parked = observer().waiters();
    ASSERT_EQ(parked.count, 1U);
    EXPECT_EQ(parked.waiters[0].pid, c.pid());
}

TEST_F(Ioctl, WaitersTellsSomeEntriesFromAnIndexOn) {
    contract("I3");
    constexpr unsigned parked_calls = IPCDEV_WAITERS_PER_CALL + 3;
    std::vector<Client> threads;
    static_cast<void>(a.fd());
    for (unsigned i = 0; i < parked_calls; ++i) {
        threads.push_back(a.thread("thread" + std::to_string(i)));
        read_parks(threads.back(), 1000 + i); // so that its place shows
    }
    const auto tells = [&](unsigned first, unsigned count) {
        const ipcdev_waiters parked = observer().waiters(first);
        EXPECT_EQ(parked.first, first);
        EXPECT_EQ(parked.total, parked_calls);
        ASSERT_EQ(parked.count, count) << "from " << first;
        for (unsigned i = 0; i < IPCDEV_WAITERS_PER_CALL; ++i) {
            EXPECT_EQ(parked.waiters[i].bytes, i < count ? 1000 + first + i : 0)
                << "entry " << i << " from " << first;
        }
    };
    tells(0, IPCDEV_WAITERS_PER_CALL);
    tells(1, IPCDEV_WAITERS_PER_CALL);
    tells(IPCDEV_WAITERS_PER_CALL, 3);
    tells(parked_calls - 1, 1);
    tells(parked_calls, 0);
    tells(0xFFFFFFFF, 0);
}

} // namespace
} // namespace ipcdev::conformance
