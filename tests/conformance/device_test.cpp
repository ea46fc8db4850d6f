// SPDX-License-Identifier: MIT
//
// A test's life: what it finds, what it must leave, how it ends. Its verbs are in
// verbs.cpp.
#include "device_test.h"

#include <csignal>
#include <cstdlib>
#include <exception>

#include "options.h"
#include "support/watchdog.h"

namespace ipcdev::conformance {
namespace {

struct Suite {
    Observer observer;
    Server server{observer};
    ipcdev_info found{}; // the settings as the suite found them
};

Suite& suite() {
    static Suite the_suite;
    return the_suite;
}

bool has_settings(const ipcdev_info& info, unsigned mode, unsigned depth, unsigned max_message) {
    return info.mode == mode && info.depth == depth && info.max_message == max_message;
}

bool has_default_settings(const ipcdev_info& info) {
    return has_settings(info, IPCDEV_MODE_FIFO, IPCDEV_DEPTH_DEFAULT, IPCDEV_MESSAGE_DEFAULT);
}

Outcome configure_defaults() {
    return suite().observer.configure(IPCDEV_MODE_FIFO, IPCDEV_DEPTH_DEFAULT,
                                      IPCDEV_MESSAGE_DEFAULT);
}

// Ends the test; gtest knows already why.
[[noreturn]] void leave(testing::TestPartResult::Type type, Where where, const std::string& why) {
    throw testing::AssertionException(
        testing::TestPartResult(type, where.file, where.line, why.c_str()));
}

} // namespace

Observer& DeviceTest::observer() {
    return suite().observer;
}
Server& DeviceTest::server() {
    return suite().server;
}

void DeviceTest::SetUp() {
    server().ensure();
    wait_opens(1);
    const ipcdev_info now = info();
    if (now.queued_messages != 0 || now.begun_messages != 0 || now.parked_readers != 0 ||
        now.parked_writers != 0) {
        fail("the device is in use by others", Where::here());
    }
    if (!has_default_settings(now) && configure_defaults().result < 0) {
        skip("needs the default settings, and this user may not change them");
    }
}

void DeviceTest::TearDown() {
    for (Client* client : {&a, &b, &c, &d}) {
        client->end();
    }
    if (Server::ours() && server().process().exists() && server().process().ended()) {
        ADD_FAILURE() << "the server ended during the test: " << server().errors();
    } else if (observer().connected() && !watchdog::expired()) {
        check_left_empty();
    }
    if (watchdog::expired()) {
        ADD_FAILURE() << "took more than the " << options().watchdog.count()
                      << " ms that the watchdog allows";
    }
    if (HasFailure()) { // the next test gets a new server, if it is ours, and a new observer
        server().kill();
        observer().disconnect();
    }
}

// Everything that the test left is gone, and the accounts are right.
void DeviceTest::check_left_empty() {
    try {
        wait_parked_readers(0);
        wait_parked_writers(0);
        wait_opens(1); // what they had begun is back in the queue
        observer().clear();
        expect_queued(0, 0);
        expect_begun(0);
        expect_balance();
        if (!has_default_settings(info())) {
            expect_result(configure_defaults(), 0);
        }
    } catch (const testing::AssertionException&) {
        // gtest knows already
    } catch (const std::exception& problem) {
        ADD_FAILURE() << "after the test: " << problem.what();
    }
}

std::vector<Client> DeviceTest::crowd(const std::string& name, int count) {
    std::vector<Client> clients;
    for (int i = 1; i <= count; ++i) {
        clients.emplace_back(name + std::to_string(i));
    }
    return clients;
}

void DeviceTest::configure(unsigned mode, unsigned depth, unsigned max_message, Where where) {
    const Outcome done = observer().configure(mode, depth, max_message);
    if (done.error == EPERM) {
        skip("this user may not change the settings of this device", where);
    }
    expect_result(done, 0, where);
}

void DeviceTest::become_fifo(unsigned depth, unsigned max_message, Where where) {
    configure(IPCDEV_MODE_FIFO, depth, max_message, where);
}

void DeviceTest::become_slot(unsigned max_message, Where where) {
    configure(IPCDEV_MODE_SLOT, 1, max_message, where);
}

void DeviceTest::become_ring(unsigned depth, unsigned max_message, Where where) {
    configure(IPCDEV_MODE_RING, depth, max_message, where);
}

void DeviceTest::needs_own_server(Where where) {
    if (!Server::ours()) {
        skip("ends or restarts the server, which needs --serve", where);
    }
}

void DeviceTest::serve_with(const std::string& extra, Where where) {
    needs_own_server(where);
    server().ensure(extra);
}

void DeviceTest::fail(const std::string& message, Where where) {
    GTEST_MESSAGE_AT_(where.file, where.line, message.c_str(),
                      testing::TestPartResult::kFatalFailure);
    leave(testing::TestPartResult::kFatalFailure, where, message);
}

void DeviceTest::skip(const std::string& sentence, Where where) {
    GTEST_MESSAGE_AT_(where.file, where.line, sentence.c_str(), testing::TestPartResult::kSkip);
    leave(testing::TestPartResult::kSkip, where, sentence);
}

bool begin_serving() {
    watchdog::arm("the start of the server");
    try {
        suite().server.ensure();
        suite().found = suite().observer.info();
        report::served_by(suite().found);
    } catch (const std::exception& problem) {
        report::failed_outside_a_test(problem.what());
        return false;
    }
    watchdog::disarm();
    return true;
}

bool end_serving() {
    watchdog::arm("the end of the server");
    bool well = true;
    if (!Server::ours()) {
        const ipcdev_info& found = suite().found;
        if (!has_default_settings(found)) {
            suite().observer.configure(found.mode, found.depth, found.max_message);
        }
        suite().observer.disconnect();
    } else if (suite().server.process().exists()) {
        well = suite().server.end(SIGTERM) == EXIT_SUCCESS;
        if (!well) {
            report::failed_outside_a_test("the server did not end well: " +
                                          suite().server.errors());
        }
    }
    watchdog::disarm();
    return well;
}

} // namespace ipcdev::conformance
