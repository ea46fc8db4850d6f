// SPDX-License-Identifier: MIT
//
// The verbs of DeviceTest. Each ends the test if what it says is not so.
#include <algorithm>
#include <array>
#include <csignal>

#include <sys/syscall.h>

#include "device_test.h"
#include "support/proc.h"

namespace ipcdev::conformance {
namespace {

std::uint64_t parks_of(const ipcdev_stats& stats) {
    return stats.reader_parks + stats.writer_parks;
}

bool is_waiting_call(const std::string& number) {
    constexpr std::array calls{SYS_poll,     SYS_ppoll,      SYS_select,
                               SYS_pselect6, SYS_epoll_wait, SYS_epoll_pwait};
    return std::ranges::any_of(calls, [&](auto call) { return number == std::to_string(call); });
}

} // namespace

void DeviceTest::open_ok(Client& client, int flags, int mode, Where where) {
    if (const Outcome opened = client.open(flags, mode); opened.result < 0) {
        fail(client.name() + " can't open the device: " + opened.text(), where);
    }
}

void DeviceTest::write_ok(Client& client, std::string_view bytes, Where where) {
    expect_result(client.write(bytes), static_cast<std::int64_t>(bytes.size()), where);
}

void DeviceTest::expect_read(Client& client, std::string_view bytes, std::size_t count,
                             Where where) {
    const Outcome done = client.under_way() ? client.result() : client.read(count);
    if (done.bytes != bytes || done.result != static_cast<std::int64_t>(bytes.size())) {
        Outcome wanted;
        wanted.result = static_cast<std::int64_t>(bytes.size());
        wanted.bytes = bytes;
        fail(client.name() + " read " + done.text() + ", not " + wanted.text(), where);
    }
}

void DeviceTest::expect_result(const Outcome& outcome, std::int64_t result, Where where) {
    if (outcome.result != result) {
        fail("the result is " + outcome.text() + ", not " + std::to_string(result), where);
    }
}

void DeviceTest::expect_error(const Outcome& outcome, int error, Where where) {
    if (outcome.result != -1 || outcome.error != error) {
        fail("the result is " + outcome.text() + ", not -1 " + errno_text(error), where);
    }
}

void DeviceTest::read_parks(Client& client, std::size_t count, Where where) {
    static_cast<void>(client.fd());
    parks(
        client, [&] { client.start_read(count); }, where);
}

void DeviceTest::write_parks(Client& client, std::string_view bytes, Where where) {
    static_cast<void>(client.fd());
    parks(
        client, [&] { client.start_write(bytes); }, where);
}

void DeviceTest::wait_until_parked(Client& client, const ipcdev_stats& before, Where where) {
    for (unsigned attempt = 0; parks_of(stats()) == parks_of(before); ++attempt) {
        if (client.finished()) {
            fail(client.name() + " did not park: " + client.result().text(), where);
        }
        back_off(attempt);
    }
}

void DeviceTest::still_parked(Client& client, Where where) {
    const ipcdev_info now = info(); // whatever was decided before is so now
    if (client.finished()) {
        fail(client.name() + " is no longer parked: " + client.result().text(), where);
    }
    if (now.parked_readers + now.parked_writers == 0) {
        fail(client.name() + " is no longer parked: nobody is", where);
    }
}

void DeviceTest::expect_written(Client& client, std::size_t count, Where where) {
    expect_result(client.result(), static_cast<std::int64_t>(count), where);
}

void DeviceTest::expect_ended(Client& client, int error, Where where) {
    expect_error(client.result(), error, where);
}

void DeviceTest::interrupt(Client& client) {
    client.signal(SIGUSR1);
}

void DeviceTest::killed(Client& client, Where where) {
    const auto status = client.kill(SIGKILL);
    if (status && *status != killed_by(SIGKILL)) {
        fail(client.name() + " ended by itself", where);
    }
}

void DeviceTest::expect_events(const Outcome& outcome, std::uint32_t events, Where where) {
    if (outcome.result < 0 || outcome.events != events) {
        Outcome wanted;
        wanted.result = events != 0 ? 1 : 0;
        wanted.events = events;
        fail("the result is " + outcome.text() + ", not " + wanted.text(), where);
    }
}

void DeviceTest::waits(Client& client, Where where) {
    for (unsigned attempt = 0;; ++attempt) {
        if (client.finished()) {
            fail(client.name() + " does not wait: " + client.result().text(), where);
        }
        const std::string call = system_call_of(client.pid());
        if (call.empty() || is_waiting_call(call)) {
            return; // empty: this kernel does not tell
        }
        back_off(attempt);
    }
}

void DeviceTest::still_waits(Client& client, Where where) {
    static_cast<void>(info()); // whatever was decided before is so now
    if (client.finished()) {
        fail(client.name() + " waits no longer: " + client.result().text(), where);
    }
}

void DeviceTest::wait_parked_readers(unsigned count) {
    observer().wait_until([=](const ipcdev_info& now) { return now.parked_readers == count; },
                          std::to_string(count) + " readers are parked");
}

void DeviceTest::wait_parked_writers(unsigned count) {
    observer().wait_until([=](const ipcdev_info& now) { return now.parked_writers == count; },
                          std::to_string(count) + " writers are parked");
}

void DeviceTest::wait_opens(unsigned count) {
    observer().wait_until([=](const ipcdev_info& now) { return now.opens == count; },
                          std::to_string(count) + " opens are left");
}

void DeviceTest::expect_queued(unsigned messages, std::uint64_t bytes, Where where) {
    const ipcdev_info now = info();
    if (now.queued_messages != messages || now.queued_bytes != bytes) {
        fail("queued are " + std::to_string(now.queued_messages) + " messages of " +
                 std::to_string(now.queued_bytes) + " bytes, not " + std::to_string(messages) +
                 " of " + std::to_string(bytes),
             where);
    }
}

void DeviceTest::expect_begun(unsigned messages, Where where) {
    const unsigned begun = info().begun_messages;
    if (begun != messages) {
        fail("begun are " + std::to_string(begun) + " messages, not " + std::to_string(messages),
             where);
    }
}

void DeviceTest::expect_balance(Where where) {
    const ipcdev_info has = info();
    const ipcdev_stats now = stats();
    const std::uint64_t settled =
        now.messages_read + now.messages_overwritten + now.messages_cleared;
    if (now.messages_written != settled + has.queued_messages + has.begun_messages) {
        fail("of " + std::to_string(now.messages_written) + " messages " +
                 std::to_string(now.messages_read) + " were read, " +
                 std::to_string(now.messages_overwritten) + " overwritten, " +
                 std::to_string(now.messages_cleared) + " cleared; " +
                 std::to_string(has.queued_messages) + " are queued, " +
                 std::to_string(has.begun_messages) + " begun",
             where);
    }
}

void DeviceTest::expect_parked(unsigned readers, unsigned writers, Where where) {
    const ipcdev_info now = info();
    if (now.parked_readers != readers || now.parked_writers != writers) {
        fail("parked are " + std::to_string(now.parked_readers) + " readers and " +
                 std::to_string(now.parked_writers) + " writers, not " + std::to_string(readers) +
                 " and " + std::to_string(writers),
             where);
    }
}

void DeviceTest::fill(Client& client, Where where) {
    const ipcdev_info now = info();
    for (unsigned i = now.queued_messages + now.begun_messages; i < now.depth; ++i) {
        write_ok(client, std::to_string(i), where);
    }
}

std::string pattern(std::size_t size, unsigned seed) {
    std::string bytes(size, '\0');
    std::uint32_t state = seed * 2654435761U + 1;
    for (char& byte : bytes) {
        state = state * 1664525U + 1013904223U;
        byte = static_cast<char>(state >> 24U);
    }
    return bytes;
}

} // namespace ipcdev::conformance
