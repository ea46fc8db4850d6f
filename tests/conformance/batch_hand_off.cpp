// SPDX-License-Identifier: MIT
//
// Chapter 'Batches' of the contract: who waits for whom, signals, and that order and
// exactly-once hold across opens with and without the switch.
#include <algorithm>
#include <map>

#include <sys/epoll.h>
#include <unistd.h>

#include "batch_test.h"
#include "options.h"

namespace ipcdev::conformance {
namespace {

using BatchHandOff = BatchTest;

// --- a write that parks

TEST_F(BatchHandOff, ABlockingWriteReturnsWhenAllFramesAreIn) {
    contract("B5");
    become_fifo(2);
    batches(a);
    write_parks(a, frames({"1", "2", "3", "4"}));
    expect_queued(2, 2);
    expect_parked(0, 1);
    expect_read(b, "1");
    still_parked(a);
    expect_queued(2, 2);
    expect_read(b, "2");
    expect_written(a, 4 * 16);
    expect_read(b, "3");
    expect_read(b, "4");
}

TEST_F(BatchHandOff, AParkedBatchKeepsItsPlaceBeforeALaterWriter) {
    contract("B5", "W6");
    become_fifo(1);
    batches(a);
    write_parks(a, frames({"1", "2", "3"}));
    write_parks(b, "later");
    open_ok(d, O_RDWR | O_NONBLOCK);
    for (const char* message : {"1", "2"}) {
        expect_read(c, message);
        expect_error(d.write("overtakes"), EAGAIN);
    }
    expect_written(a, 3 * 16);
    expect_read(c, "3");
    expect_written(b, 5);
    expect_read(c, "later");
}

TEST_F(BatchHandOff, AnInterruptedWriteReturnsTheBytesOfTheFramesTaken) {
    contract("B6");
    become_fifo(2);
    batches(a);
    write_parks(a, frames({"one", "a longer second", "3"}));
    interrupt(a);
    expect_written(a, 16 + 24);
    expect_parked(0, 0);
    expect_read(b, "one");
    expect_read(b, "a longer second");
    expect_queued(0, 0);
}

TEST_F(BatchHandOff, AnInterruptedWriteOfWhichNoFrameWasTakenGivesEINTR) {
    contract("B6", "H3");
    become_fifo(1);
    batches(a);
    write_ok(b, "full");
    write_parks(a, frames({"1", "2"}));
    interrupt(a);
    expect_ended(a, EINTR);
    expect_read(b, "full");
    expect_queued(0, 0);
}

TEST_F(BatchHandOff, ARestartingSignalToo) {
    contract("B6");
    become_fifo(1);
    batches(a);
    write_parks(a, frames({"1", "2"}));
    a.signal(SIGUSR2);
    expect_written(a, 16);
    expect_read(b, "1");
}

TEST_F(BatchHandOff, AKilledWriterLeavesTheFramesThatWereTaken) {
    contract("B6", "H3");
    become_fifo(2);
    batches(a);
    write_parks(a, frames({"1", "2", "3"}));
    killed(a);
    wait_parked_writers(0);
    expect_read(b, "1");
    expect_read(b, "2");
    expect_queued(0, 0);
}

TEST_F(BatchHandOff, ClearAdmitsTheRestOfAParkedBatch) {
    contract("B5", "I5");
    become_fifo(2);
    batches(a);
    write_parks(a, frames({"1", "2", "3"}));
    observer().clear();
    expect_written(a, 3 * 16);
    expect_read(b, "3");
}

TEST_F(BatchHandOff, WaitersTellsTheBytesOfTheCallAndStatsCountOnePark) {
    contract("B13", "I2", "I3");
    become_fifo(1);
    batches(a);
    const ipcdev_stats before = stats();
    write_parks(a, frames({"1", "2", "3"}));
    expect_read(b, "1");
    const ipcdev_waiters parked = observer().waiters();
    ASSERT_EQ(parked.count, 1U);
    EXPECT_EQ(parked.waiters[0].bytes, 3U * 16);
    EXPECT_EQ(parked.waiters[0].operation, static_cast<unsigned>(IPCDEV_WAITER_WRITE));
    EXPECT_EQ(stats().writer_parks - before.writer_parks, 1U);
    expect_read(b, "2");
    expect_written(a, 3 * 16);
    expect_read(b, "3");
}

// --- a read that parks

TEST_F(BatchHandOff, AParkedReadIsGivenTheMessageThatComes) {
    contract("B9");
    batches(a);
    frames_park(a);
    write_ok(b, "comes");
    expect_frames(a, frame("comes"));
}

TEST_F(BatchHandOff, AParkedBatchReadIsGivenAllFramesOfAWrite) {
    contract("B8");
    become_fifo(2);
    batches(a);
    batches(b);
    frames_park(a);
    expect_result(b.write(frames({"1", "2", "3"})), 3 * 16);
    expect_frames(a, frames({"1", "2"}));
    expect_frames(a, frame("3"));
}

TEST_F(BatchHandOff, ParkedPlainReadersAreGivenAFrameEach) {
    contract("B8");
    batches(a);
    read_parks(b);
    read_parks(c);
    write_ok(a, frames({"for b", "for c", "queued"}));
    expect_read(b, "for b");
    expect_read(c, "for c");
    expect_queued(1, 6);
    expect_frames(a, frame("queued"));
}

TEST_F(BatchHandOff, ABatchThatParkedReadersMakeRoomForIsTakenAtOnce) {
    contract("B8");
    become_fifo(1);
    batches_non_blocking(a);
    read_parks(b);
    read_parks(c);
    expect_result(a.write(frames({"for b", "for c", "queued", "no room"})), 3 * 16);
    expect_read(b, "for b");
    expect_read(c, "for c");
    expect_frames(a, frame("queued"));
}

TEST_F(BatchHandOff, AllFramesAreTakenFirstThenParkedWritersAdmitted) {
    contract("B8");
    become_fifo(2);
    batches(a);
    fill(b);
    write_parks(c, "parked");
    expect_frames(a, frames({"0", "1"}));
    expect_written(c, 6);
    expect_queued(1, 6);
    expect_frames(a, frame("parked"));
}

TEST_F(BatchHandOff, AnInterruptedReadGivesEINTR) {
    contract("B9", "H3");
    batches(a);
    frames_park(a);
    interrupt(a);
    expect_ended(a, EINTR);
    write_ok(b, "stays");
    expect_frames(a, frame("stays"));
}

// --- poll

TEST_F(BatchHandOff, ABatchThatIsQueuedIsAnEdge) {
    contract("B13", "P4");
    batches(b);
    const int instance = a.epoll(EPOLLIN | EPOLLET);
    for (int round = 0; round < 10; ++round) {
        a.start_epoll_wait(instance);
        waits(a);
        write_ok(b, frames({"1", "2"}));
        expect_events(a.result(), EPOLLIN);
        expect_frames(b, frames({"1", "2"}));
    }
}

TEST_F(BatchHandOff, ABatchReadThatMakesRoomIsAnEdge) {
    contract("B13", "P4");
    become_fifo(2);
    batches(b);
    fill(c);
    const int instance = a.epoll(EPOLLOUT | EPOLLET);
    a.start_epoll_wait(instance);
    waits(a);
    expect_frames(b, frames({"0", "1"}));
    expect_events(a.result(), EPOLLOUT);
}

// --- order and exactly once, among all

// The traffic: numbers of 8 bytes, the writer in the upper half. Their functions run in
// clients.
constexpr std::int64_t no_more = -1;

std::int64_t numbered(std::int64_t writer, std::int64_t i) {
    return (writer << 32) + i;
}

Outcome write_batches(const Call& call) { // numbers: the writer, how many, how many a call
    const auto [writer, count, frames_per_call, unused] = call.numbers;
    for (std::int64_t next = 0; next < count;) {
        std::string bytes;
        for (std::int64_t i = next; i < std::min(next + frames_per_call, count); ++i) {
            bytes += frame(bytes_of(numbered(writer, i)));
        }
        const ssize_t taken = ::write(call.fd, bytes.data(), bytes.size());
        if (taken <= 0 || taken % 16 != 0) {
            return outcome(-1);
        }
        next += taken / 16;
    }
    return outcome(count);
}

Outcome write_plainly(const Call& call) { // numbers: the writer, how many
    for (std::int64_t i = 0; i < call.numbers[1]; ++i) {
        const std::int64_t number = numbered(call.numbers[0], i);
        if (::write(call.fd, &number, sizeof(number)) != sizeof(number)) {
            return outcome(-1);
        }
    }
    return outcome(call.numbers[1]);
}

// Both end with a no_more; what a batch brings behind it is for others.
Outcome read_batches(const Call& call) {
    std::string read;
    std::string room(IPCDEV_BATCH_BYTES_MAX, '\0');
    for (;;) {
        const ssize_t got = ::read(call.fd, room.data(), room.size());
        if (got <= 0 || got % 16 != 0) {
            return outcome(-1);
        }
        const std::string all = room.substr(0, static_cast<std::size_t>(got));
        for (std::size_t at = 0; at < all.size(); at += 16) {
            const std::string number = all.substr(at + 8, 8);
            if (from_bytes<std::int64_t>(number) != no_more) {
                read += number;
                continue;
            }
            const std::string rest = all.substr(at + 16);
            const auto size = static_cast<ssize_t>(rest.size());
            const bool passed_on =
                rest.empty() || ::write(call.fd, rest.data(), rest.size()) == size;
            return outcome(passed_on ? 0 : -1, read);
        }
    }
}

Outcome read_plainly(const Call& call) {
    std::string read;
    for (;;) {
        std::int64_t number = 0;
        if (::read(call.fd, &number, sizeof(number)) != sizeof(number)) {
            return outcome(-1);
        }
        if (number == no_more) {
            return outcome(0, read);
        }
        read += bytes_of(number);
    }
}

TEST_F(BatchHandOff, OrderAndExactlyOnceHoldAcrossOpensWithAndWithoutTheSwitch) {
    contract("B1", "H5");
    become_fifo(5);
    const std::int64_t each = std::max(40, static_cast<int>(1000 / options().slowness));
    std::vector<Client> writers = crowd("writer", 4);
    std::vector<Client> readers = crowd("reader", 4);
    for (std::size_t i = 0; i < 4; ++i) {
        const bool by_batches = i % 2 == 0;
        if (by_batches) {
            batches(readers[i]);
            batches(writers[i]);
        }
        readers[i].start(by_batches ? read_batches : read_plainly);
        const auto writer = static_cast<std::int64_t>(i);
        writers[i].start(by_batches ? write_batches : write_plainly,
                         {.numbers = {writer, each, i == 0 ? 3 : 8}, .bytes = {}});
    }
    for (Client& writer : writers) {
        expect_result(writer.result(), each);
    }
    for (std::size_t i = 0; i < readers.size(); ++i) {
        write_ok(a, bytes_of(no_more));
    }
    std::map<std::int64_t, int> times;
    for (Client& reader : readers) {
        const Outcome read = reader.result();
        expect_result(read, 0);
        std::map<std::int64_t, std::int64_t> last; // of each writer
        for (std::size_t at = 0; at < read.bytes.size(); at += 8) {
            const auto number = from_bytes<std::int64_t>(read.bytes.substr(at, 8));
            const auto [seen, first] = last.try_emplace(number >> 32, number);
            if (!first && number <= seen->second) {
                fail(reader.name() + " read a writer's messages out of order", Where::here());
            }
            seen->second = number;
            ++times[number];
        }
    }
    EXPECT_EQ(times.size(), 4U * static_cast<std::size_t>(each)) << "some are lost";
    EXPECT_TRUE(std::ranges::all_of(times, [](const auto& n) { return n.second == 1; }))
        << "some are doubled";
}

} // namespace
} // namespace ipcdev::conformance
