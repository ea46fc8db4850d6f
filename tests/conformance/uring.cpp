// SPDX-License-Identifier: MIT
#include "uring.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <string>

#include <liburing.h>

namespace ipcdev::conformance {
namespace {

constexpr int no_descriptor = 0; // for what is about the ring alone
constexpr unsigned ring_entries = 64;
constexpr std::uint32_t more_bit = 1U << 31U; // beside the name in Outcome::events
constexpr int operation_read_multishot = 49;  // since Linux 6.7; not in every header yet
constexpr auto current_position = static_cast<std::uint64_t>(-1);

// --- in the client's process

io_uring the_ring;

// Where the kernel writes to until the operation is completed.
std::map<std::uint32_t, std::string>& buffers() {
    static std::map<std::uint32_t, std::string> of_operations;
    return of_operations;
}

// What multishot reads read into, as the kernel likes.
constexpr int pool_group = 1;
std::array<std::array<char, 512>, 8> pool;

// liburing says -errno.
Outcome from_uring(int result, std::string bytes = {}) {
    errno = result < 0 ? -result : 0;
    return outcome(result < 0 ? -1 : result, std::move(bytes));
}

Outcome set_up_ring(const Call& call) {
    return from_uring(
        io_uring_queue_init(ring_entries, &the_ring, static_cast<unsigned>(call.numbers[0])));
}

Outcome close_ring(const Call& /*call*/) {
    io_uring_queue_exit(&the_ring);
    return {};
}

// The next completion, once there is one.
io_uring_cqe* wait_for_completion() {
    io_uring_cqe* entry = nullptr;
    while (io_uring_wait_cqe(&the_ring, &entry) == -EINTR) {
    }
    return entry;
}

// numbers: the operation, its name, IOSQE_*, what else it says; bytes: its buffer.
Outcome prepare(const Call& call) {
    io_uring_sqe* entry = io_uring_get_sqe(&the_ring);
    if (entry == nullptr) {
        errno = EAGAIN;
        return outcome(-1);
    }
    const auto name = static_cast<std::uint32_t>(call.numbers[1]);
    const auto operation = static_cast<int>(call.numbers[0]);
    const bool registered = operation == IORING_OP_READ_FIXED; // both have the index 0
    std::string& buffer = buffers()[name] = call.bytes;
    io_uring_prep_rw(operation, entry, registered ? 0 : call.fd, buffer.data(),
                     static_cast<unsigned>(buffer.size()), current_position);
    entry->rw_flags = static_cast<__kernel_rwf_t>(call.numbers[3]);
    io_uring_sqe_set_data64(entry, name);
    entry->flags = static_cast<std::uint8_t>(call.numbers[2] | (registered ? IOSQE_FIXED_FILE : 0));
    return {};
}

Outcome prepare_registered_read(const Call& call) {
    if (const Outcome done = prepare(call); done.result < 0) {
        return done;
    }
    std::string& buffer = buffers()[static_cast<std::uint32_t>(call.numbers[1])];
    const iovec memory{buffer.data(), buffer.size()};
    if (const int error = io_uring_register_buffers(&the_ring, &memory, 1); error < 0) {
        return from_uring(error);
    }
    return from_uring(io_uring_register_files(&the_ring, &call.fd, 1));
}

// numbers: the name, whose.
Outcome prepare_cancel(const Call& call) {
    io_uring_sqe* entry = io_uring_get_sqe(&the_ring);
    io_uring_prep_cancel64(entry, static_cast<std::uint64_t>(call.numbers[1]), 0);
    io_uring_sqe_set_data64(entry, static_cast<std::uint64_t>(call.numbers[0]));
    return {};
}

// numbers: the name, the events.
Outcome prepare_poll(const Call& call) {
    io_uring_sqe* entry = io_uring_get_sqe(&the_ring);
    io_uring_prep_poll_multishot(entry, call.fd, static_cast<unsigned>(call.numbers[1]));
    io_uring_sqe_set_data64(entry, static_cast<std::uint64_t>(call.numbers[0]));
    return {};
}

// numbers: the name.
Outcome prepare_multishot_read(const Call& call) {
    io_uring_sqe* entry = io_uring_get_sqe(&the_ring);
    io_uring_prep_provide_buffers(entry, pool.data(), sizeof(pool[0]), pool.size(), pool_group, 0);
    io_uring_submit(&the_ring);
    const int provided = wait_for_completion()->res;
    io_uring_cq_advance(&the_ring, 1);
    if (provided < 0) {
        return from_uring(provided);
    }
    entry = io_uring_get_sqe(&the_ring);
    io_uring_prep_rw(operation_read_multishot, entry, call.fd, nullptr, 0, current_position);
    io_uring_sqe_set_data64(entry, static_cast<std::uint64_t>(call.numbers[0]));
    entry->flags = IOSQE_BUFFER_SELECT;
    entry->buf_group = pool_group;
    return {};
}

Outcome submit_prepared(const Call& /*call*/) {
    return from_uring(io_uring_submit(&the_ring));
}

Outcome take_completion(const Call& /*call*/) {
    io_uring_cqe* entry = wait_for_completion();
    const auto name = static_cast<std::uint32_t>(io_uring_cqe_get_data64(entry));
    const auto got = static_cast<std::size_t>(entry->res > 0 ? entry->res : 0);
    const bool from_pool = (entry->flags & IORING_CQE_F_BUFFER) != 0;
    const char* buffer = from_pool ? pool.at(entry->flags >> IORING_CQE_BUFFER_SHIFT).data()
                                   : buffers()[name].data();
    const std::size_t size = from_pool ? sizeof(pool[0]) : buffers()[name].size();
    Outcome done = from_uring(entry->res, std::string(buffer, std::min(got, size)));
    done.events = name | ((entry->flags & IORING_CQE_F_MORE) != 0 ? more_bit : 0);
    io_uring_cqe_seen(&the_ring, entry);
    return done;
}

// numbers: how many messages, the bytes of a read, how many reads are in flight, IOSQE_*.
Outcome read_all(const Call& call) {
    const std::string room(static_cast<std::size_t>(call.numbers[1]), '\0');
    const auto begin = [&](std::uint32_t name) {
        prepare({call.fd, {IORING_OP_READ, name, call.numbers[3], 0}, room, -1});
    };
    std::int64_t begun = 0;
    while (begun < call.numbers[2]) {
        begin(static_cast<std::uint32_t>(begun++));
    }
    Outcome all;
    for (std::int64_t ended = 0; ended < call.numbers[0];) {
        io_uring_submit(&the_ring);
        const Outcome done = take_completion({});
        if (done.error == EINTR) {
            ++all.events;
            begin(done.events);
            continue;
        }
        if (done.result < 0) {
            return done;
        }
        ++ended;
        all.bytes += done.bytes;
        if (begun < call.numbers[0]) {
            begin(done.events);
            ++begun;
        }
    }
    return all;
}

} // namespace

// --- in the suite

Outcome Uring::set_up(unsigned flags) {
    return client_.run(set_up_ring, {no_descriptor, {flags}, {}, -1});
}

void Uring::have_workers_read() {
    flags_of_reads_ = IOSQE_ASYNC;
}

void Uring::close() {
    client_.run(close_ring, {no_descriptor, {}, {}, -1});
}

void Uring::read(std::uint32_t name, std::size_t count, unsigned flags) {
    client_.run(prepare, {Client::own,
                          {IORING_OP_READ, name, flags | flags_of_reads_, 0},
                          std::string(count, '\0'),
                          -1});
}

void Uring::write(std::uint32_t name, std::string_view bytes, unsigned flags) {
    client_.run(prepare, {Client::own, {IORING_OP_WRITE, name, flags, 0}, std::string(bytes), -1});
}

void Uring::read_registered(std::uint32_t name, std::size_t count) {
    Call call{Client::own,
              {IORING_OP_READ_FIXED, name, flags_of_reads_, 0},
              std::string(count, '\0'),
              -1};
    if (const Outcome done = client_.run(prepare_registered_read, call); done.result < 0) {
        throw std::runtime_error("can't register a buffer and a file: " + done.text());
    }
}

void Uring::read_multishot(std::uint32_t name) {
    const Outcome done = client_.run(prepare_multishot_read, {Client::own, {name}, {}, -1});
    if (done.result < 0) {
        throw std::runtime_error("can't provide buffers: " + done.text());
    }
}

void Uring::read_nowait(std::uint32_t name, std::size_t count) {
    client_.run(prepare,
                {Client::own, {IORING_OP_READ, name, 0, RWF_NOWAIT}, std::string(count, '\0'), -1});
}

void Uring::nothing(std::uint32_t name) {
    client_.run(prepare, {no_descriptor, {IORING_OP_NOP, name, 0, 0}, {}, -1});
}

void Uring::cancel(std::uint32_t name, std::uint32_t whose) {
    client_.run(prepare_cancel, {no_descriptor, {name, whose}, {}, -1});
}

void Uring::poll_multishot(std::uint32_t name, std::uint32_t events) {
    client_.run(prepare_poll, {Client::own, {name, events}, {}, -1});
}

void Uring::start_submit() {
    client_.start(submit_prepared, {no_descriptor, {}, {}, -1});
}

void Uring::start_completion() {
    client_.start(take_completion, {no_descriptor, {}, {}, -1});
}

UringCompletion Uring::completion() {
    UringCompletion done;
    done.outcome = client_.result();
    done.name = done.outcome.events & ~more_bit;
    done.more = (done.outcome.events & more_bit) != 0;
    done.outcome.events = 0;
    return done;
}

void Uring::start_reading(unsigned messages, std::size_t count, unsigned at_once) {
    client_.start(read_all, {Client::own,
                             {messages, static_cast<std::int64_t>(count), at_once, flags_of_reads_},
                             {},
                             -1});
}

} // namespace ipcdev::conformance
