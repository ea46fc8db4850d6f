// SPDX-License-Identifier: MIT
//
// Chapter 'End of the device' of the contract: how the daemon goes, by a signal
// or by being killed, and what its clients then see. Never a hang: every call
// here is one that the watchdog would have to end.
//
// How the module goes is in end_of_module.cpp.
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <sys/epoll.h>
#include <unistd.h>

#include "batch_test.h"
#include "options.h"

namespace ipcdev::conformance {
namespace {

class EndOfDevice : public BatchTest {
  protected:
    void SetUp() override {
        needs_own_server();
        BatchTest::SetUp();
        if (info().server == IPCDEV_SERVER_MODULE) {
            skip("is about a daemon; the module can't go while it is open");
        }
    }

    static void told_to_end(int signal = SIGTERM) { server().process().signal(signal); }
    // It has ended by itself, as one that was asked to.
    static void expect_ended_well(Where where = Where::here()) {
        if (server().end(0) != EXIT_SUCCESS) { // waits for it
            fail("the server did not exit with status 0: " + server().errors(), where);
        }
    }
    static void dies() { server().end(SIGKILL); }

    // For calls that the daemon had not taken yet, and later ones.
    static void expect_gone(const Outcome& outcome, Where where = Where::here()) {
        if (outcome.result != -1 || (outcome.error != ECONNABORTED && outcome.error != ENOTCONN)) {
            fail("the result is " + outcome.text() + ", not -1 ECONNABORTED or ENOTCONN", where);
        }
    }
    static void expect_every_call_gone(Client& client, Where where = Where::here()) {
        ipcdev_info question{};
        question.size = sizeof(question);
        expect_gone(client.read(10), where);
        expect_gone(client.write("x"), where);
        expect_gone(client.ioctl(IPCDEV_IOC_INFO, bytes_of(question)), where);
        expect_gone(client.ioctl(IPCDEV_IOC_CLEAR), where);
        const Outcome polled = client.poll(POLLIN | POLLOUT, -1);
        if ((polled.events & POLLERR) == 0) {
            fail("poll gave " + polled.text() + ", not POLLERR", where);
        }
    }
    static void expect_error_event(const Outcome& outcome, Where where = Where::here()) {
        if (outcome.result != 1 || (outcome.events & POLLERR) == 0) {
            fail("the result is " + outcome.text() + ", not 1 with POLLERR", where);
        }
    }
};

// --- on SIGTERM or SIGINT

TEST_F(EndOfDevice, OnSIGTERMParkedReadsEndWithENODEV) {
    contract("E2");
    read_parks(a);
    read_parks(b);
    told_to_end();
    expect_ended(a, ENODEV);
    expect_ended(b, ENODEV);
    expect_ended_well();
}

TEST_F(EndOfDevice, OnSIGTERMAParkedBatchReturnsTheBytesOfTheFramesTaken) {
    contract("E2", "B6");
    become_fifo(1);
    batches(a);
    write_parks(a, frames({"1", "2"}));
    told_to_end();
    expect_written(a, 16);
    expect_ended_well();
}

TEST_F(EndOfDevice, OnSIGTERMParkedWritesEndWithENODEV) {
    contract("E2");
    become_fifo(1);
    fill(c);
    write_parks(a, "parked");
    write_parks(b, "parked too");
    told_to_end();
    expect_ended(a, ENODEV);
    expect_ended(b, ENODEV);
    expect_ended_well();
}

TEST_F(EndOfDevice, OnSIGINTTooParkedOperationsEndWithENODEV) {
    contract("E2");
    read_parks(a);
    told_to_end(SIGINT);
    expect_ended(a, ENODEV);
    expect_ended_well();
}

TEST_F(EndOfDevice, ManyParkedOperationsAllEndWithENODEV) {
    contract("E2");
    std::vector<Client> threads;
    static_cast<void>(a.fd());
    for (int i = 0; i < 100; ++i) {
        threads.push_back(a.thread("thread" + std::to_string(i)));
        threads.back().start_read(10);
    }
    wait_parked_readers(100);
    told_to_end();
    for (Client& thread : threads) {
        expect_ended(thread, ENODEV);
    }
    expect_ended_well();
}

TEST_F(EndOfDevice, LaterCallsGetECONNABORTEDOrENOTCONN) {
    contract("E2");
    for (Client* client : {&a, &b}) {
        static_cast<void>(client->fd());
    }
    b.set_nonblocking();
    write_ok(a, "is gone with the device");
    told_to_end();
    expect_ended_well();
    expect_every_call_gone(a);
    expect_every_call_gone(b);
    expect_result(a.close(), 0);
}

TEST_F(EndOfDevice, AFirstCloseAfterItSucceeds) {
    contract("E2");
    server().end(SIGTERM); // a kernel that knows that there is no flush asks no more
    server().ensure();
    static_cast<void>(a.fd());
    told_to_end();
    expect_ended_well();
    expect_result(a.close(), 0);
}

// Calls until one fails otherwise than a call on a device that lives.
template <class SystemCall> Outcome call_until_it_is_gone(SystemCall system_call) {
    for (;;) {
        const auto n = system_call();
        if (n < 0 && errno != EAGAIN) {
            return outcome(n);
        }
    }
}

Outcome read_on(const Call& call) {
    return call_until_it_is_gone([&] {
        char byte = 0;
        return read(call.fd, &byte, 1);
    });
}

Outcome write_on(const Call& call) {
    return call_until_it_is_gone([&] { return write(call.fd, "x", 1); });
}

TEST_F(EndOfDevice, CallsThatItHadNotTakenYetGetECONNABORTEDOrENOTCONN) {
    contract("E2");
    std::vector<Client> writers = crowd("writer", 3);
    std::vector<Client> readers = crowd("reader", 3);
    const ipcdev_stats before = stats();
    readers[0].open(O_RDWR | O_NONBLOCK);
    writers[0].open(O_RDWR | O_NONBLOCK);
    for (int i = 0; i < 3; ++i) {
        readers[static_cast<unsigned>(i)].start(read_on);
        writers[static_cast<unsigned>(i)].start(write_on);
    }
    observer().wait_until(
        [&](const ipcdev_info&) { return stats().messages_read > before.messages_read + 100; },
        "a hundred messages have passed");
    told_to_end();
    for (auto* clients : {&writers, &readers}) {
        for (Client& client : *clients) {
            const Outcome done = client.result();
            if (done.error != ENODEV) { // which those get that were parked just then
                expect_gone(done);
            }
        }
    }
    expect_ended_well();
}

TEST_F(EndOfDevice, PollersWakeWithPOLLERR) {
    contract("E2");
    a.start_poll(POLLIN);
    waits(a);
    b.start_poll(0);
    waits(b);
    c.start_epoll_wait(c.epoll(EPOLLIN | EPOLLET));
    waits(c);
    d.start_select(POLLIN);
    waits(d);
    told_to_end();
    expect_error_event(a.result());
    expect_error_event(b.result());
    expect_error_event(c.result()); // EPOLLERR is the same bit
    expect_events(d.result(), POLLIN);
    expect_ended_well();
}

TEST_F(EndOfDevice, PollersOfAFullFifoWakeWithPOLLERR) {
    contract("E2");
    become_fifo(1);
    fill(b);
    a.start_poll(POLLOUT);
    waits(a);
    told_to_end();
    expect_error_event(a.result());
    expect_ended_well();
}

TEST_F(EndOfDevice, TheNodeOrMountGoesAway) {
    contract("E2");
    static_cast<void>(a.fd()); // an open does not hold it back
    write_ok(a, "nor does a message");
    told_to_end();
    server().process().wait();
    expect_error(b.open(), ENOENT);
    EXPECT_FALSE(std::filesystem::exists(options().device));
    expect_every_call_gone(a);
    server().end(0);
}

TEST_F(EndOfDevice, TheExitStatusIs0) {
    contract("E2");
    for (const int signal : {SIGTERM, SIGINT}) {
        server().ensure();
        told_to_end(signal);
        expect_ended_well();
    }
}

TEST_F(EndOfDevice, ASecondSignalDoesNotDisturbTheEnd) {
    contract("E2");
    read_parks(a);
    for (int i = 0; i < 5; ++i) {
        told_to_end(i % 2 == 0 ? SIGTERM : SIGINT);
    }
    expect_ended(a, ENODEV);
    expect_ended_well();
}

TEST_F(EndOfDevice, TheNextStartBeginsWithAnEmptyDevice) {
    contract("E2");
    write_ok(a, "gone with the first");
    told_to_end();
    expect_ended_well();
    server().ensure();
    expect_queued(0, 0);
    EXPECT_EQ(stats().messages_written, 0U);
    write_ok(b, "of the second");
    expect_read(c, "of the second");
    expect_gone(a.write("from an open of the first"));
    expect_queued(0, 0);
}

// --- if it dies

TEST_F(EndOfDevice, IfItDiesParkedReadsEndWithECONNABORTED) {
    contract("E3");
    read_parks(a);
    read_parks(b);
    dies();
    expect_ended(a, ECONNABORTED);
    expect_ended(b, ECONNABORTED);
    expect_error(a.read(10), ENOTCONN);
}

TEST_F(EndOfDevice, IfItDiesParkedWritesEndWithECONNABORTED) {
    contract("E3");
    become_fifo(1);
    fill(c);
    write_parks(a, "parked");
    dies();
    expect_ended(a, ECONNABORTED);
    expect_error(a.write("x"), ENOTCONN);
}

TEST_F(EndOfDevice, IfItDiesLaterCallsGetENOTCONN) {
    contract("E3");
    static_cast<void>(a.fd());
    dies();
    expect_every_call_gone(a);
    expect_error(a.read(10), ENOTCONN);
    expect_error(a.write("x"), ENOTCONN);
    expect_result(a.close(), 0);
}

TEST_F(EndOfDevice, IfItDiesPollersWakeWithPOLLERR) {
    contract("E3");
    a.start_poll(POLLIN);
    waits(a);
    b.start_epoll_wait(b.epoll(EPOLLIN | EPOLLET));
    waits(b);
    dies();
    expect_error_event(a.result());
    expect_error_event(b.result());
}

TEST_F(EndOfDevice, IfItDiesWhileItIsBusyNobodyHangs) {
    contract("E3");
    std::vector<Client> clients = crowd("client", 6);
    const ipcdev_stats before = stats();
    for (unsigned i = 0; i < clients.size(); ++i) {
        clients[i].start(i % 2 == 0 ? read_on : write_on);
    }
    observer().wait_until(
        [&](const ipcdev_info&) { return stats().messages_read > before.messages_read + 100; },
        "a hundred messages have passed");
    dies();
    for (Client& client : clients) {
        expect_gone(client.result());
    }
}

TEST_F(EndOfDevice, IfItDiesTheNextStartWorks) {
    contract("E3");
    read_parks(a);
    server().process().kill(SIGKILL); // nobody cleans up
    expect_ended(a, ECONNABORTED);
    Program next(serve_command(options().device));
    for (unsigned attempt = 0; !observer().connect(); ++attempt) {
        if (next.ended()) {
            fail("the next one does not start: " + next.errors(), Where::here());
        }
        back_off(attempt);
    }
    write_ok(b, "of the next one");
    expect_read(b, "of the next one");
    EXPECT_EQ(next.kill(SIGTERM), EXIT_SUCCESS) << next.errors();
    expect_error(c.open(), ENOENT);
    server().end(0);
}

// --- clients that die leave the server as it was

TEST_F(EndOfDevice, IsNotBroughtAboutByClientsThatAreKilledWhileParked) {
    contract("H3");
    for (int round = 0; round < 5; ++round) {
        std::vector<Client> readers = crowd("reader", 10);
        for (Client& reader : readers) {
            static_cast<void>(reader.fd());
            reader.start_read(10);
        }
        wait_parked_readers(10);
        for (Client& reader : readers) {
            reader.process().signal(SIGKILL); // all at once
        }
    }
    wait_parked_readers(0);
    wait_opens(1);
    EXPECT_FALSE(server().process().ended());
    write_ok(a, "x");
    expect_read(b, "x");
}

} // namespace
} // namespace ipcdev::conformance
