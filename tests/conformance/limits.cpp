// SPDX-License-Identifier: MIT
//
// The table of settings of the contract, and the limits at their edges.
#include <algorithm>
#include <cerrno>
#include <csignal>

#include <sys/syscall.h>
#include <unistd.h>

#include "device_test.h"
#include "many_calls.h"
#include "options.h"
#include "support/proc.h"

namespace ipcdev::conformance {
namespace {

constexpr unsigned keep = 0; // as a setting

class Limits : public DeviceTest {
  protected:
    // A server that nobody has used yet.
    static void serve_anew() {
        needs_own_server();
        server().end(SIGTERM);
        server().ensure();
    }
    static void accepts(unsigned depth, unsigned max_message, Where where = Where::here()) {
        configure(IPCDEV_MODE_FIFO, depth, max_message, where);
        if (info().depth != depth || info().max_message != max_message) {
            fail("the settings were not taken", where);
        }
    }
    static void refuses(unsigned depth, unsigned max_message, Where where = Where::here()) {
        expect_error(observer().configure(IPCDEV_MODE_FIFO, depth, max_message), EINVAL, where);
    }

    // IPCDEV_PARKED_MAX threads, in these processes, are parked in reads or writes.
    std::vector<Client> park_as_many_as_may_be(Action in_a_thread);
};

// --- what is so without any setting

TEST_F(Limits, AFreshDeviceIsAFifoOf64MessagesOf4096Bytes) {
    contract("M4");
    serve_anew();
    const ipcdev_info now = info();
    EXPECT_EQ(now.mode, static_cast<unsigned>(IPCDEV_MODE_FIFO));
    EXPECT_EQ(now.depth, 64U);
    EXPECT_EQ(now.max_message, 4096U);
    expect_queued(0, 0);
    expect_parked(0, 0);
}

TEST_F(Limits, CountersBeginAt0) {
    contract("I2");
    serve_anew();
    ipcdev_stats none{};
    none.size = sizeof(none);
    EXPECT_EQ(bytes_of(stats()), bytes_of(none));
}

// --- depth and max_message

TEST_F(Limits, TheDepthIs1To65536) {
    contract("M4", "I4");
    accepts(1, IPCDEV_MESSAGE_DEFAULT);
    accepts(IPCDEV_DEPTH_MAX, IPCDEV_MESSAGE_DEFAULT);
    refuses(IPCDEV_DEPTH_MAX + 1, 1);
    refuses(0xFFFFFFFF, 1);
}

TEST_F(Limits, TheLargestMessageIs1To65536Bytes) {
    contract("M4", "I4");
    accepts(64, 1);
    accepts(64, IPCDEV_MESSAGE_MAX);
    refuses(1, IPCDEV_MESSAGE_MAX + 1);
    refuses(1, 0xFFFFFFFF);
}

TEST_F(Limits, DepthTimesMaxMessageIsAtMost256MiBElseEINVAL) {
    contract("M4", "I4");
    accepts(IPCDEV_DEPTH_MAX, 4096);
    accepts(4096, IPCDEV_MESSAGE_MAX);
    refuses(IPCDEV_DEPTH_MAX, 4097);
    refuses(4097, IPCDEV_MESSAGE_MAX);
    refuses(IPCDEV_DEPTH_MAX, IPCDEV_MESSAGE_MAX); // 2^32: 0 if it were 32 bits
    accepts(4096, 65535);
    refuses(4098, keep); // with what is kept
}

TEST_F(Limits, AMessageOfMaxMessageIsAcceptedAndOneByteMoreGivesEMSGSIZE) {
    contract("W2", "W4");
    for (const unsigned max_message : {1U, 2U, 4095U, 4096U, 4097U, 65535U, 65536U}) {
        become_fifo(2, max_message);
        const std::string largest = pattern(max_message, max_message);
        expect_error(a.write(largest + "x"), EMSGSIZE);
        expect_queued(0, 0);
        write_ok(a, largest);
        expect_read(b, largest);
    }
}

TEST_F(Limits, ASlotHasTheSameLimitOfBytes) {
    contract("W4", "M3");
    become_slot(100);
    write_ok(a, pattern(100));
    expect_error(a.write(pattern(101)), EMSGSIZE);
    expect_read(b, pattern(100));
}

TEST_F(Limits, MessagesOf65536BytesAreReadInOneReadOrInMany) {
    contract("W2", "R2");
    become_fifo(3, IPCDEV_MESSAGE_MAX);
    for (unsigned i = 0; i < 3; ++i) {
        write_ok(a, pattern(IPCDEV_MESSAGE_MAX, i));
    }
    expect_queued(3, 3 * IPCDEV_MESSAGE_MAX);
    expect_read(b, pattern(IPCDEV_MESSAGE_MAX, 0));
    const std::string second = pattern(IPCDEV_MESSAGE_MAX, 1);
    for (std::size_t at = 0; at < second.size(); at += 10000) {
        expect_read(b, second.substr(at, 10000), 10000);
    }
    expect_read(b, pattern(IPCDEV_MESSAGE_MAX, 2), 2 * IPCDEV_MESSAGE_MAX);
}

TEST_F(Limits, AFifoOfDepth1IsTheBlockingSingleSlot) {
    contract("M1");
    become_fifo(1);
    write_ok(a, "first");
    write_parks(a, "second");
    expect_read(b, "first");
    expect_written(a, 6);
    expect_read(b, "second");
    read_parks(b);
}

// Writes up to numbers[0] messages of 4 bytes that count from 0; the result tells how many.
Outcome write_until_it_fails(const Call& call) {
    Outcome done;
    for (std::uint32_t count = 0; done.result < call.numbers[0]; ++count) {
        if (write(call.fd, &count, sizeof(count)) != sizeof(count)) {
            done.error = errno;
            break;
        }
        ++done.result;
    }
    return done;
}

TEST_F(Limits, AFifoOfDepth65536HoldsThatMany) {
    contract("M1", "M4");
    become_fifo(IPCDEV_DEPTH_MAX, 4);
    a.open(O_RDWR | O_NONBLOCK);
    // A slow machine shows it with far fewer.
    const double slowness = options().slowness;
    const auto tried = static_cast<std::int64_t>((IPCDEV_DEPTH_MAX + 1) / (slowness * slowness));
    const auto held = std::min<std::int64_t>(tried, IPCDEV_DEPTH_MAX);
    const Outcome filled = a.run(write_until_it_fails, {Client::own, {tried}, {}, -1});
    EXPECT_EQ(filled.result, held);
    EXPECT_EQ(filled.error, tried > held ? EAGAIN : 0);
    expect_queued(static_cast<unsigned>(held), static_cast<std::uint64_t>(held) * 4);
    for (std::uint32_t i = 0; i < 10; ++i) {
        expect_read(b, bytes_of(i));
    }
    expect_result(a.run(write_until_it_fails, {Client::own, {10}, {}, -1}), 10);
}

// --- parked operations

std::vector<Client> Limits::park_as_many_as_may_be(Action in_a_thread) {
    std::vector<Client> parked = crowd("process", processes);
    if (!start_threads(parked, in_a_thread, IPCDEV_PARKED_MAX)) {
        skip("this user may not start 4,096 threads");
    }
    observer().wait_until(
        [](const ipcdev_info& now) {
            return now.parked_readers + now.parked_writers == IPCDEV_PARKED_MAX;
        },
        "as many calls are parked as may be");
    return parked;
}

TEST_F(Limits, OneMoreThan4096ParkedReadsGivesENOBUFS) {
    contract("W8");
    const std::vector<Client> parked = park_as_many_as_may_be(read_in_threads);
    expect_error(a.read(1), ENOBUFS);
    expect_error(a.read(1), ENOBUFS);
    expect_parked(IPCDEV_PARKED_MAX, 0);
    a.set_nonblocking();
    expect_error(a.read(1), EAGAIN); // this one would not park
    write_ok(a, "x");                // completes one
    expect_parked(IPCDEV_PARKED_MAX - 1, 0);
    read_parks(b);
    expect_error(c.read(1), ENOBUFS);
}

TEST_F(Limits, OneMoreThan4096ParkedWritesGivesENOBUFS) {
    contract("W8");
    become_fifo(1);
    fill(a);
    const std::vector<Client> parked = park_as_many_as_may_be(write_in_threads);
    expect_error(a.write("y"), ENOBUFS);
    expect_parked(0, IPCDEV_PARKED_MAX);
    expect_read(a, "0"); // admits one
    expect_parked(0, IPCDEV_PARKED_MAX - 1);
    write_parks(b, "y");
    expect_error(c.write("y"), ENOBUFS);
}

// --- copies that are under way

constexpr auto no_page_fault_waits = "this user can't have page faults wait";

TEST_F(Limits, OneMoreThan4096CopiesGivesENOBUFS) {
    contract("W8");
    if (info().server != IPCDEV_SERVER_MODULE) {
        skip("a daemon's copies are over at once: AReaderThatStallsKeepsWhatItTook has it");
    }
    become_fifo(2, 2 * IPCDEV_PARKED_MAX);
    std::vector<Client> stalled = crowd("process", processes);
    for (Client& process : stalled) {
        if (!make_stalling_memory(process)) {
            skip(no_page_fault_waits);
        }
    }
    constexpr unsigned each = IPCDEV_PARKED_MAX / processes;
    for (Client& process : stalled) { // the bytes of a message are for one open
        write_ok(a, pattern(each));
        ASSERT_TRUE(start_threads(process, read_stalling_in_threads, each));
        observer().wait_until(
            [](const ipcdev_info& now) {
                return now.queued_messages == 0 && now.begun_messages == 0;
            },
            "each of the readers has taken its byte");
    }
    expect_error(a.read(1), ENOBUFS); // would park
    write_ok(a, "xyz");
    expect_error(a.read(1), ENOBUFS); // would be one more copy
    a.set_nonblocking();
    expect_error(a.read(1), ENOBUFS);
    write_ok(a, "room is there");
    expect_error(a.write("none is"), EAGAIN);
    expect_error(b.write("and it would park"), ENOBUFS);
    expect_parked(0, 0);
    killed(stalled.front()); // its bytes come back
    observer().wait_until([](const ipcdev_info& now) { return now.queued_bytes == 16 + each; },
                          "what its readers took is there again");
    EXPECT_EQ(b.read(1).result, 1);
    write_parks(c, "parks");
}

// Or this kernel does not tell.
bool sleeps_in_read(Client& client) {
    const std::string call = system_call_of(client.pid());
    return call.empty() || call == std::to_string(SYS_read);
}

TEST_F(Limits, AReaderThatStallsKeepsWhatItTook) {
    contract("W8", "R6");
    if (!make_stalling_memory(a)) {
        skip(no_page_fault_waits);
    }
    write_ok(b, "x");
    write_ok(b, "yz");
    a.start(read_stalling, {Client::own, {}, {}, -1});
    for (unsigned attempt = 0; !sleeps_in_read(a); ++attempt) {
        back_off(attempt);
    }
    if (info().server == IPCDEV_SERVER_MODULE) {
        observer().wait_until([](const ipcdev_info& now) { return now.queued_bytes == 2; },
                              "the reader has its byte");
        expect_read(b, "yz");
        killed(a);
        expect_read(b, "x");
        return;
    }
    // The kernel has the reader's memory at hand before it asks the server.
    still_waits(a);
    expect_queued(2, 3);
    expect_read(b, "x");
    expect_read(b, "yz");
    killed(a);
    declared_difference("a reader whose memory isn't there has taken nothing yet");
}

} // namespace
} // namespace ipcdev::conformance
