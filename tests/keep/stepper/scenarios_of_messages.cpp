// SPDX-License-Identifier: MIT
#include "scenarios.h"

#include <linux/fuse.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

namespace ipcdev::keep_tests {

namespace {

constexpr std::uint32_t fifo = IPCDEV_MODE_FIFO;

ssize_t size_of(const std::string& text) {
    return static_cast<ssize_t>(text.size());
}

std::vector<std::string> some_messages(Run& run, int count) {
    std::vector<std::string> messages;
    for (int i = 0; i < count; ++i) {
        messages.push_back(run.message(24 + static_cast<std::size_t>(i) * 20));
    }
    return messages;
}

Call& killed_write(Run& run, int file, const std::string& bytes) {
    return run.killed_in(FUSE_WRITE, [&]() -> Call& { return run.start_write(file, bytes); });
}

Call& killed_read(Run& run, int file, std::size_t count = 4096) {
    return run.killed_in(FUSE_READ, [&]() -> Call& { return run.start_read(file, count); });
}

// --- write

void write_to_a_parked_reader(Run& run) {
    run.begin(fifo, 4);
    const std::string message = run.message();
    Call& reader = run.parked_read(run.b());
    Call& writer = killed_write(run, run.a(), message);
    run.expect_value(writer, size_of(message));
    run.expect_read(reader, {message});
}

void write_to_the_queue(Run& run) {
    run.begin(fifo, 4);
    const auto messages = some_messages(run, 2);
    run.write(messages[0]);
    Call& writer = killed_write(run, run.a(), messages[1]);
    run.expect_value(writer, size_of(messages[1]));
    run.expect_queued(messages);
}

void write_that_parks(Run& run) {
    run.begin(fifo, 1);
    const auto messages = some_messages(run, 2);
    run.write(messages[0]);
    Call& writer = killed_write(run, run.a(), messages[1]);
    run.expect_queued(messages);
    run.expect_value(writer, size_of(messages[1]));
}

void write_that_would_block(Run& run) {
    run.begin(fifo, 1);
    const auto messages = some_messages(run, 2);
    run.write(messages[0]);
    Call& writer = killed_write(run, run.nonblocking(), messages[1]);
    run.expect_error(writer, EAGAIN);
    run.expect_queued({messages[0]});
}

void write_that_is_too_large(Run& run) {
    run.begin(fifo, 1);
    Call& writer = killed_write(run, run.a(), std::string(IPCDEV_MESSAGE_DEFAULT + 1, 'x'));
    run.expect_error(writer, EMSGSIZE);
}

void write_that_overwrites(Run& run, std::uint32_t mode, std::uint32_t depth) {
    run.begin(mode, depth);
    auto messages = some_messages(run, static_cast<int>(depth) + 1);
    for (std::size_t i = 0; i < depth; ++i) {
        run.write(messages[i]);
    }
    Call& writer = killed_write(run, run.a(), messages.back());
    run.expect_value(writer, size_of(messages.back()));
    messages.erase(messages.begin());
    run.expect_queued(messages);
}

void write_to_a_full_ring(Run& run) {
    write_that_overwrites(run, IPCDEV_MODE_RING, 3);
}

void write_to_a_full_slot(Run& run) {
    write_that_overwrites(run, IPCDEV_MODE_SLOT, 1);
}

// --- read

void read_of_a_message(Run& run) {
    run.begin(fifo, 4);
    const auto messages = some_messages(run, 3);
    for (const std::string& message : messages) {
        run.write(message);
    }
    Call& reader = killed_read(run, run.a());
    run.expect_read(reader, {messages[0]});
    run.expect_queued({messages[1], messages[2]});
}

void read_that_lets_a_parked_writer_go_on(Run& run) {
    run.begin(fifo, 1);
    const auto messages = some_messages(run, 3);
    run.write(messages[0]);
    Call& first = run.parked_write(run.a(), messages[1]);
    Call& second = run.parked_write(run.a(), messages[2]);
    Call& reader = killed_read(run, run.b());
    run.expect_read(reader, {messages[0]});
    run.expect_value(first, size_of(messages[1]));
    run.expect_queued({messages[1], messages[2]});
    run.expect_value(second, size_of(messages[2]));
}

void read_that_parks(Run& run) {
    run.begin(fifo, 4);
    const auto messages = some_messages(run, 2);
    Call& first = run.parked_read(run.a());
    Call& second = killed_read(run, run.b());
    run.write(messages[0]);
    run.write(messages[1]);
    run.expect_read(first, {messages[0]});
    run.expect_read(second, {messages[1]});
}

void read_that_would_block(Run& run) {
    run.begin(fifo, 4);
    Call& reader = killed_read(run, run.nonblocking());
    run.expect_error(reader, EAGAIN);
}

void read_that_begins_a_message(Run& run) {
    run.begin(fifo, 4);
    const auto messages = some_messages(run, 2);
    run.write(messages[1]);
    run.write(messages[0]);
    Call& reader = killed_read(run, run.a(), 5);
    run.expect_read(reader, {messages[1].substr(0, 5)});
    run.expect_queued({messages[0]}); // nobody else gets the rest
    run.expect_read(run.start_read(run.a()), {messages[1].substr(5)});
}

void read_of_the_rest(Run& run) {
    run.begin(fifo, 4);
    const auto messages = some_messages(run, 2);
    run.write(messages[1]);
    run.write(messages[0]);
    run.expect_read(run.start_read(run.a(), 5), {messages[1].substr(0, 5)});
    Call& reader = killed_read(run, run.a());
    run.expect_read(reader, {messages[1].substr(5)});
    run.expect_queued({messages[0]});
}

// The kernel makes several requests of one call of very many segments.
constexpr std::size_t part_segments = 256;
constexpr std::size_t segments = part_segments + 44;

Call& start_split_read(Run& run) {
    return run.start([file = run.a()] {
        std::string bytes(segments, '\0');
        std::array<iovec, segments> each{};
        for (std::size_t i = 0; i < segments; ++i) {
            each.at(i) = {.iov_base = bytes.data() + i, .iov_len = 1};
        }
        Result result = result_of(::readv(file, each.data(), segments));
        bytes.resize(result.value > 0 ? static_cast<std::size_t>(result.value) : 0);
        result.bytes = std::move(bytes);
        return result;
    });
}

void split_read(Run& run, unsigned part) {
    run.begin(fifo, 4);
    const std::string first = run.message(segments);
    const std::string second = run.message();
    run.write(first);
    run.write(second);
    Call& reader = run.killed_in(
        FUSE_READ, [&]() -> Call& { return start_split_read(run); }, part);
    run.expect_read(reader, {first});
    run.expect_queued({second});
}

void first_part_of_a_split_read(Run& run) {
    split_read(run, 1);
}

void second_part_of_a_split_read(Run& run) {
    split_read(run, 2);
}

// --- batches

void batch_write(Run& run) {
    run.begin(fifo, 8);
    const auto messages = some_messages(run, 5);
    const std::string frames = frames_of(messages);
    run.batch(run.b(), true);
    Call& writer = killed_write(run, run.b(), frames);
    run.expect_value(writer, size_of(frames));
    run.batch(run.b(), false);
    run.expect_queued(messages);
}

void batch_write_that_parks_in_part(Run& run) {
    run.begin(fifo, 3);
    const auto messages = some_messages(run, 5);
    const std::string frames = frames_of(messages);
    run.batch(run.b(), true);
    Call& writer = killed_write(run, run.b(), frames);
    run.expect_queued(messages);
    run.expect_value(writer, size_of(frames));
    run.batch(run.b(), false);
}

void batch_read(Run& run) {
    run.begin(fifo, 4);
    const auto messages = some_messages(run, 5);
    for (int i = 0; i < 4; ++i) {
        run.write(messages[static_cast<std::size_t>(i)]);
    }
    Call& writer = run.parked_write(run.a(), messages[4]);
    run.batch(run.b(), true);
    Call& reader = killed_read(run, run.b(), IPCDEV_BATCH_BYTES_MAX);
    run.expect_read(reader, {messages.begin(), messages.begin() + 4}, true);
    run.expect_value(writer, size_of(messages[4]));
    run.batch(run.b(), false);
    run.expect_queued({messages[4]});
}

constexpr std::array table{
    Scenario{"write to a parked reader", write_to_a_parked_reader, true},
    Scenario{"write to the queue", write_to_the_queue},
    Scenario{"write that parks", write_that_parks},
    Scenario{"write that would block", write_that_would_block},
    Scenario{"write that is too large", write_that_is_too_large},
    Scenario{"write to a full ring", write_to_a_full_ring},
    Scenario{"write to a full slot", write_to_a_full_slot},
    Scenario{"read of a message", read_of_a_message},
    Scenario{"read that lets a writer go on", read_that_lets_a_parked_writer_go_on},
    Scenario{"read that parks", read_that_parks},
    Scenario{"read that would block", read_that_would_block},
    Scenario{"read that begins a message", read_that_begins_a_message},
    Scenario{"read of the rest", read_of_the_rest},
    Scenario{"split read, first part", first_part_of_a_split_read},
    Scenario{"split read, second part", second_part_of_a_split_read},
    Scenario{"batch write", batch_write},
    Scenario{"batch write that parks", batch_write_that_parks_in_part},
    Scenario{"batch read", batch_read, true}};

} // namespace

std::span<const Scenario> reads_and_writes() {
    return table;
}

} // namespace ipcdev::keep_tests
