// SPDX-License-Identifier: MIT
//
// The fixture of every chapter: clients, and the verbs that tests are made of.
//
// A test begins with an idle device of default settings (fifo, 64 messages of
// 4,096 bytes) whose only open is the suite's observer. It must leave the device
// that way too: TearDown kills the clients, clears the device and checks it.
//
// A verb that fails ends the test at once, with the line that called it.
// Nothing waits for time to pass; the watchdog ends what waits for too long.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "client.h"
#include "observer.h"
#include "report.h"
#include "server.h"
#include "support/waiting.h"
#include "uapi/ipcdev.h"

namespace ipcdev::conformance {

// Where in a test a verb stands.
struct Where {
    const char* file;
    int line;
    static constexpr Where here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
        return {file, line};
    }
};

// Read counts that any message fits in.
inline constexpr std::size_t whole_message = IPCDEV_MESSAGE_MAX;

class DeviceTest : public testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    // Processes; each starts, and opens the device O_RDWR, when it is first used.
    Client a{"a"}, b{"b"}, c{"c"}, d{"d"};

    // `count` more, called name1, name2, ...
    static std::vector<Client> crowd(const std::string& name, int count);

    // The suite's own, for all tests.
    static Observer& observer();
    static Server& server();
    static ipcdev_info info() { return observer().info(); }
    static ipcdev_stats stats() { return observer().stats(); }
    static bool is_module() { return info().server == IPCDEV_SERVER_MODULE; }
    static bool is_cuse() { return info().server == IPCDEV_SERVER_CUSE; }
    static bool is_a_file() { return info().server == IPCDEV_SERVER_FUSE; }
    static bool has(unsigned capability) { return (info().capabilities & capability) != 0; }

    // --- settings; skips the test if this user may not change them
    static void configure(unsigned mode, unsigned depth, unsigned max_message,
                          Where where = Where::here());
    static void become_fifo(unsigned depth, unsigned max_message = IPCDEV_MESSAGE_DEFAULT,
                            Where where = Where::here());
    static void become_slot(unsigned max_message = IPCDEV_MESSAGE_DEFAULT,
                            Where where = Where::here());

    static void become_ring(unsigned depth, unsigned max_message = IPCDEV_MESSAGE_DEFAULT,
                            Where where = Where::here());

    // --- calls that return at once
    static void open_ok(Client& client, int flags = O_RDWR, int mode = 0,
                        Where where = Where::here());
    static void write_ok(Client& client, std::string_view bytes, Where where = Where::here());
    // Of the read that the client has under way, or of a new one of `count`.
    static void expect_read(Client& client, std::string_view bytes,
                            std::size_t count = whole_message, Where where = Where::here());
    static void expect_result(const Outcome& outcome, std::int64_t result,
                              Where where = Where::here());
    static void expect_error(const Outcome& outcome, int error, Where where = Where::here());

    // --- calls that don't
    // Starts it, and returns when INFO counts it as parked.
    static void read_parks(Client& client, std::size_t count = whole_message,
                           Where where = Where::here());
    static void write_parks(Client& client, std::string_view bytes, Where where = Where::here());
    // For a call of another kind: `start` starts it.
    template <class Start>
    static void parks(Client& client, Start start, Where where = Where::here()) {
        const ipcdev_stats before = stats();
        start();
        wait_until_parked(client, before, where);
    }
    // The client's call is under way still. Meaningful after something that
    // would have ended it, if it were to end it.
    static void still_parked(Client& client, Where where = Where::here());
    // The result of the call under way.
    static void expect_written(Client& client, std::size_t count, Where where = Where::here());
    static void expect_ended(Client& client, int error, Where where = Where::here());
    static void interrupt(Client& client); // by a handler without SA_RESTART
    // By SIGKILL; returns when the process is gone.
    static void killed(Client& client, Where where = Where::here());

    // --- poll and epoll
    static void expect_events(const Outcome& outcome, std::uint32_t events,
                              Where where = Where::here());
    // The client's call (start_poll, ...) is under way and the kernel has put its
    // process to sleep in it.
    static void waits(Client& client, Where where = Where::here());
    // It is under way still, though something came to pass that it doesn't wait for.
    static void still_waits(Client& client, Where where = Where::here());

    // --- the device as INFO shows it
    static void wait_parked_readers(unsigned count);
    static void wait_parked_writers(unsigned count);
    static void wait_opens(unsigned count); // the observer's included
    static void expect_queued(unsigned messages, std::uint64_t bytes, Where where = Where::here());
    static void expect_begun(unsigned messages, Where where = Where::here());
    static void expect_parked(unsigned readers, unsigned writers, Where where = Where::here());

    // I2's equation, of a quiet moment.
    static void expect_balance(Where where = Where::here());

    // Writes messages "0", "1", ... until the fifo is full.
    static void fill(Client& client, Where where = Where::here());

    // --- the server's life; skips the test if the server isn't the suite's
    static void needs_own_server(Where where = Where::here());
    // Serves with these options besides --serve's, until the end of the test.
    static void serve_with(const std::string& extra, Where where = Where::here());

    // Ends the test.
    [[noreturn]] static void fail(const std::string& message, Where where);
    [[noreturn]] static void skip(const std::string& sentence, Where where = Where::here());

  private:
    static void wait_until_parked(Client& client, const ipcdev_stats& before, Where where);
    static void check_left_empty();
};

// `size` bytes of which no two stretches look alike for different `seed`s.
[[nodiscard]] std::string pattern(std::size_t size, unsigned seed = 0);

// For main(): starts the server if it is ours; ends it. Return false and
// report if that fails.
[[nodiscard]] bool begin_serving();
[[nodiscard]] bool end_serving();

} // namespace ipcdev::conformance
