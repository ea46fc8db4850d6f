// SPDX-License-Identifier: MIT
#include "scenarios.h"

#include <linux/fuse.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "support/waiting.h"

namespace ipcdev::keep_tests {

namespace {

constexpr std::uint32_t fifo = IPCDEV_MODE_FIFO;

ssize_t size_of(const std::string& text) {
    return static_cast<ssize_t>(text.size());
}

// --- signals

Call& killed_interrupt(Run& run, Call& parked) {
    return run.killed_in(FUSE_INTERRUPT, [&]() -> Call& {
        parked.interrupt();
        return parked;
    });
}

void interrupt_of_a_read(Run& run) {
    run.begin(fifo, 4);
    const std::string message = run.message();
    Call& interrupted = run.parked_read(run.a());
    Call& other = run.parked_read(run.b());
    run.expect_error(killed_interrupt(run, interrupted), EINTR);
    run.write(message);
    run.expect_read(other, {message});
}

void interrupt_of_a_write(Run& run) {
    run.begin(fifo, 1);
    const std::string first = run.message();
    const std::string third = run.message();
    run.write(first);
    Call& interrupted = run.parked_write(run.a(), run.message());
    Call& other = run.parked_write(run.b(), third);
    run.expect_error(killed_interrupt(run, interrupted), EINTR);
    run.expect_queued({first, third});
    run.expect_value(other, size_of(third));
}

// --- pollers

// By edges: what one misses, nothing tells it again.
class Poller {
  public:
    explicit Poller(Run& run) : run_(run), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

    Call& add() {
        return run_.start([epoll = epoll_.get(), file = run_.b()] {
            epoll_event wanted{.events = EPOLLIN | EPOLLET, .data = {}};
            return result_of(epoll_ctl(epoll, EPOLL_CTL_ADD, file, &wanted));
        });
    }
    Call& wait() {
        return run_.start([epoll = epoll_.get()] {
            epoll_event event{};
            return result_of(epoll_wait(epoll, &event, 1, static_cast<int>(patience().count())));
        });
    }

  private:
    Run& run_;
    test::Descriptor epoll_;
};

void poll(Run& run) {
    run.begin(fifo, 4);
    const std::string message = run.message();
    Poller poller(run);
    run.expect_value(run.killed_in(FUSE_POLL, [&]() -> Call& { return poller.add(); }), 0);
    Call& waiting = poller.wait();
    run.write(message);
    run.expect_value(waiting, 1);
    run.expect_queued({message});
}

void write_that_wakes_a_poller(Run& run) {
    run.begin(fifo, 4);
    const std::string message = run.message();
    Poller poller(run);
    run.expect_value(poller.add(), 0);
    Call& waiting = poller.wait();
    Call& writer =
        run.killed_in(FUSE_WRITE, [&]() -> Call& { return run.start_write(run.a(), message); });
    run.expect_value(writer, size_of(message));
    run.expect_value(waiting, 1);
    run.expect_queued({message});
}

// --- open and close

void open(Run& run) {
    run.begin(fifo, 4);
    const std::string message = run.message();
    const unsigned before = run.info().opens;
    Call& call = run.killed_in(FUSE_OPEN, [&]() -> Call& { return run.start_open(O_RDWR); });
    const int file = run.file_of(call);
    run.expect(run.info().opens == before + 1, "INFO counts another number of opens");
    run.expect_value(run.start_write(file, message), size_of(message));
    run.expect_read(run.start_read(file), {message});
    run.close(file, before);
}

void close_of_what_was_begun(Run& run) {
    run.begin(fifo, 4);
    const std::string first = run.message();
    const std::string second = run.message();
    const unsigned before = run.info().opens;
    const int file = run.file_of(run.start_open(O_RDONLY));
    run.write(first);
    run.write(second);
    run.expect_read(run.start_read(file, 5), {first.substr(0, 5)});
    run.killed_in(FUSE_RELEASE, [&]() -> Call& { return run.start_close(file); });
    run.wait_for_opens(before);
    run.expect_queued({first.substr(5), second});
}

void close_that_a_reader_waits_for(Run& run) {
    run.begin(fifo, 4);
    const std::string message = run.message();
    const unsigned before = run.info().opens;
    const int file = run.file_of(run.start_open(O_RDONLY));
    run.write(message);
    run.expect_read(run.start_read(file, 5), {message.substr(0, 5)});
    Call& reader = run.parked_read(run.b());
    run.killed_in(FUSE_RELEASE, [&]() -> Call& { return run.start_close(file); });
    run.expect_read(reader, {message.substr(5)});
    run.wait_for_opens(before);
}

// --- ioctls

template <typename Struct>
Call& killed_ioctl(Run& run, int file, unsigned long number, const Struct& value) {
    return run.killed_in(FUSE_IOCTL, [&]() -> Call& {
        return run.start_ioctl(file, number, std::as_bytes(std::span(&value, 1)));
    });
}

// The struct as an ioctl that is killed fills it in.
template <typename Struct> Struct told_by(Run& run, unsigned long number) {
    Struct told{};
    told.size = sizeof(told);
    Call& call = killed_ioctl(run, run.a(), number, told);
    run.expect_value(call, 0);
    std::memcpy(&told, call.result().bytes.data(), sizeof(told));
    return told;
}

void configure(Run& run) {
    run.begin(fifo, 4);
    const auto messages = std::array{run.message(), run.message(), run.message()};
    const ipcdev_configure ring{.size = sizeof(ring),
                                .mode = IPCDEV_MODE_RING,
                                .depth = 2,
                                .max_message = 100,
                                .reserved = {}};
    run.expect_value(killed_ioctl(run, run.a(), IPCDEV_IOC_CONFIGURE, ring), 0);
    const ipcdev_info now = run.info();
    run.expect(now.mode == ring.mode && now.depth == ring.depth &&
                   now.max_message == ring.max_message,
               "CONFIGURE applied in part");
    for (const std::string& message : messages) {
        run.write(message);
    }
    run.expect_queued({messages[1], messages[2]});
}

void configure_that_is_refused(Run& run) {
    run.begin(fifo, 4);
    const std::string message = run.message();
    run.write(message);
    const ipcdev_configure ring{.size = sizeof(ring),
                                .mode = IPCDEV_MODE_RING,
                                .depth = 2,
                                .max_message = 100,
                                .reserved = {}};
    run.expect_error(killed_ioctl(run, run.a(), IPCDEV_IOC_CONFIGURE, ring), EBUSY);
    run.expect_queued({message});
}

void clear(Run& run) {
    run.begin(fifo, 2);
    const std::string third = run.message();
    const std::string fourth = run.message();
    run.write(run.message());
    run.write(run.message());
    Call& first = run.parked_write(run.a(), third);
    Call& second = run.parked_write(run.b(), fourth);
    Call& call = run.killed_in(FUSE_IOCTL, [&]() -> Call& {
        return run.start_ioctl(run.nonblocking(), IPCDEV_IOC_CLEAR);
    });
    run.expect_value(call, 0);
    run.expect_value(first, size_of(third));
    run.expect_value(second, size_of(fourth));
    run.expect_queued({third, fourth});
}

void info(Run& run) {
    run.begin(fifo, 4);
    const auto messages = std::array{run.message(), run.message()};
    run.write(messages[0]);
    run.write(messages[1]);
    const auto told = told_by<ipcdev_info>(run, IPCDEV_IOC_INFO);
    run.expect(told.depth == 4 && told.queued_messages == 2 && told.queued_bytes == 48,
               "INFO tells nonsense");
    run.expect_queued({messages[0], messages[1]});
}

void stats(Run& run) {
    run.begin(fifo, 4);
    const std::string message = run.message();
    const ipcdev_stats before = run.stats();
    run.write(message);
    const auto told = told_by<ipcdev_stats>(run, IPCDEV_IOC_STATS);
    run.expect(told.messages_written == before.messages_written + 1 &&
                   told.messages_read == before.messages_read,
               "STATS tells nonsense");
    run.expect_queued({message});
}

void waiters(Run& run) {
    run.begin(fifo, 4);
    const std::string message = run.message();
    Call& reader = run.parked_read(run.b(), 77);
    const auto told = told_by<ipcdev_waiters>(run, IPCDEV_IOC_WAITERS);
    run.expect(told.total == 1 && told.count == 1 &&
                   told.waiters[0].operation == IPCDEV_WAITER_READ && told.waiters[0].bytes == 77,
               "WAITERS tells nonsense");
    run.write(message);
    run.expect_read(reader, {message});
}

void batch_on(Run& run) {
    run.begin(fifo, 4);
    const std::string message = run.message();
    const ipcdev_batch on{.size = sizeof(on), .on = 1};
    run.expect_value(killed_ioctl(run, run.b(), IPCDEV_IOC_BATCH, on), 0);
    run.write(message);
    run.expect_read(run.start_read(run.b(), IPCDEV_BATCH_BYTES_MAX), {message}, true);
    run.batch(run.b(), false);
}

void unknown_ioctl(Run& run) {
    run.begin(fifo, 4);
    run.expect_error(
        killed_ioctl(run, run.a(), _IOWR(IPCDEV_IOC_TYPE, 99, std::uint64_t), std::uint64_t{0}),
        ENOTTY);
}

// --- what libfuse answers

void chmod(Run& run) {
    run.begin(fifo, 4);
    const mode_t before = run.mode_of_file();
    const mode_t wanted = before ^ S_IRGRP;
    run.expect_value(
        run.killed_in(FUSE_SETATTR, [&]() -> Call& { return run.start_chmod(wanted); }), 0);
    run.expect(run.mode_of_file() == wanted, "chmod did not change the mode");
}

// --- the end

// It ends whatever kills it meanwhile: nobody goes on for ever.
void end_with_parked_calls(Run& run) {
    run.begin(fifo, 1);
    run.write(run.message());
    Call& writer = run.parked_write(run.a(), run.message());
    Call& other = run.parked_write(run.b(), run.message());
    Poller poller(run);
    run.expect_value(poller.add(), 0);
    run.expect(run.killed_in_end() == 0, "the keeper's exit status is not 0");
    run.expect_error(writer, ENODEV);
    run.expect_error(other, ENODEV);
}

constexpr std::array table{Scenario{"interrupt of a parked read", interrupt_of_a_read, true},
                           Scenario{"interrupt of a parked write", interrupt_of_a_write},
                           Scenario{"poll", poll},
                           Scenario{"write that wakes a poller", write_that_wakes_a_poller, true},
                           Scenario{"open", open},
                           Scenario{"close of what was begun", close_of_what_was_begun},
                           Scenario{"close that a reader waits for", close_that_a_reader_waits_for},
                           Scenario{"CONFIGURE", configure},
                           Scenario{"CONFIGURE that is refused", configure_that_is_refused},
                           Scenario{"CLEAR with parked writers", clear, true},
                           Scenario{"INFO", info},
                           Scenario{"STATS", stats},
                           Scenario{"WAITERS", waiters},
                           Scenario{"BATCH", batch_on},
                           Scenario{"unknown ioctl", unknown_ioctl},
                           Scenario{"chmod", chmod},
                           Scenario{"end with parked calls", end_with_parked_calls, false, true}};

} // namespace

std::span<const Scenario> all_but_reads_and_writes() {
    return table;
}

} // namespace ipcdev::keep_tests
