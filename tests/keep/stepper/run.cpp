// SPDX-License-Identifier: MIT
#include "run.h"

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <map>
#include <utility>

#include "support/errors.h"
#include "support/waiting.h"
#include "uapi/ipcdev_frames.hpp"

namespace ipcdev::keep_tests {

namespace {

constexpr std::size_t most_bytes = 4096;

std::string list(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) {
        all += (all.empty() ? "" : ", ") + text.substr(0, 40);
    }
    return "[" + all + "]";
}

test::Descriptor open_it(const TracedKeeper& keeper, int flags) {
    return test::Descriptor(
        test::checked(::open(keeper.path().c_str(), flags | O_CLOEXEC), "open"));
}

template <typename Struct> std::span<const std::byte> bytes_of(const Struct& value) {
    return std::as_bytes(std::span(&value, 1));
}

} // namespace

Counts& Counts::operator+=(const Counts& other) {
    kills += other.kills;
    elsewhere += other.elsewhere;
    lost += other.lost;
    doubled += other.doubled;
    reordered += other.reordered;
    hung += other.hung;
    errors += other.errors;
    return *this;
}

// Before anything is stepped through, nobody needs a thread for a call.
Stage::Stage(const std::string& program)
    : keeper(program), a(open_it(keeper, O_RDWR)), b(open_it(keeper, O_RDWR)),
      nonblocking(open_it(keeper, O_RDWR | O_NONBLOCK)) {}

// --- what there is

std::string Run::message(std::size_t bytes) {
    std::string text = "message " + std::to_string(++stage_.messages) + " ";
    while (text.size() < bytes) {
        text += static_cast<char>('a' + (text.size() + stage_.messages) % 26);
    }
    return text;
}

template <typename Struct> Struct Run::ask(unsigned long number) {
    Struct out{};
    out.size = sizeof(out);
    const Result& result = finish(start_ioctl(a(), number, bytes_of(out)));
    expect(result.value == 0, "INFO or STATS: " + std::string(std::strerror(result.error)));
    std::memcpy(&out, result.bytes.data(), sizeof(out));
    return out;
}

ipcdev_info Run::info() {
    return ask<ipcdev_info>(IPCDEV_IOC_INFO);
}

ipcdev_stats Run::stats() {
    return ask<ipcdev_stats>(IPCDEV_IOC_STATS);
}

// --- calls that are served in peace

void Run::begin(std::uint32_t mode, std::uint32_t depth) {
    ipcdev_configure wanted{
        .size = sizeof(wanted), .mode = mode, .depth = depth, .max_message = 0, .reserved = {}};
    expect_value(start_ioctl(a(), IPCDEV_IOC_CONFIGURE, bytes_of(wanted)), 0);
    before_ = stats();
    generation_ = info().generation;
}

int Run::file_of(Call& open) {
    const Result& result = finish(open);
    expect(result.value >= 0, "open: " + std::string(std::strerror(result.error)));
    return static_cast<int>(result.value);
}

void Run::close(int file, unsigned opens_then) {
    expect_value(start_close(file), 0);
    wait_for_opens(opens_then);
}

// A close may take effect late.
void Run::wait_for_opens(unsigned number) {
    wait_for(&ipcdev_info::opens, number);
}

void Run::wait_for(__u32 ipcdev_info::*gauge, unsigned number) {
    const auto deadline = std::chrono::steady_clock::now() + patience();
    for (unsigned attempt = 0; info().*gauge != number; ++attempt) {
        if (std::chrono::steady_clock::now() > deadline) {
            throw Hung("a call does not park, or a close takes no effect");
        }
        test::back_off(attempt);
    }
}

mode_t Run::mode_of_file() {
    struct stat now {};
    expect_value(start([&now, file = a()] { return result_of(::fstat(file, &now)); }), 0);
    return now.st_mode & 07777U;
}

void Run::write(const std::string& bytes) {
    expect_value(start_write(a(), bytes), static_cast<ssize_t>(bytes.size()));
}

void Run::batch(int file, bool on) {
    ipcdev_batch wanted{.size = sizeof(wanted), .on = on ? 1U : 0U};
    expect_value(start_ioctl(file, IPCDEV_IOC_BATCH, bytes_of(wanted)), 0);
}

const Result& Run::finish(Call& call) {
    if (!call.ends()) {
        throw Hung("a call hangs");
    }
    return call.result();
}

Call& Run::parked_read(int file, std::size_t count) {
    const unsigned before = info().parked_readers;
    Call& call = start_read(file, count);
    wait_for(&ipcdev_info::parked_readers, before + 1);
    return call;
}

Call& Run::parked_write(int file, const std::string& bytes) {
    const unsigned before = info().parked_writers;
    Call& call = start_write(file, bytes);
    wait_for(&ipcdev_info::parked_writers, before + 1);
    return call;
}

// --- calls that are only started

Call& Run::start(std::function<Result()> body) {
    return stage_.calls.emplace_back(std::move(body));
}

Call& Run::start_read(int file, std::size_t count) {
    return start([file, count] {
        std::string bytes(count, '\0');
        Result result = result_of(::read(file, bytes.data(), count));
        bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(result.value, 0)));
        result.bytes = std::move(bytes);
        return result;
    });
}

Call& Run::start_write(int file, const std::string& bytes) {
    return start([file, bytes] { return result_of(::write(file, bytes.data(), bytes.size())); });
}

Call& Run::start_open(int flags) {
    return start([path = stage_.keeper.path(), flags] {
        return result_of(::open(path.c_str(), flags | O_CLOEXEC));
    });
}

Call& Run::start_close(int file) {
    return start([file] { return result_of(::close(file)); });
}

Call& Run::start_chmod(mode_t mode) {
    return start(
        [path = stage_.keeper.path(), mode] { return result_of(::chmod(path.c_str(), mode)); });
}

Call& Run::start_ioctl(int file, unsigned long number, std::span<const std::byte> data) {
    std::string bytes(reinterpret_cast<const char*>(data.data()), data.size());
    return start([file, number, bytes = std::move(bytes)]() mutable {
        Result result = result_of(::ioctl(file, number, bytes.data()));
        result.bytes = std::move(bytes);
        return result;
    });
}

// --- the kill

Call& Run::killed_in(std::uint32_t opcode, const std::function<Call&()>& start, unsigned nth) {
    if (!moments_.is_watched) {
        return start();
    }
    stage_.keeper.stop();
    Call& call = start();
    stage_.keeper.run_to_request(opcode, nth);
    step_and_kill();
    stage_.keeper.go_on();
    return call;
}

int Run::killed_in_end() {
    stage_.keeper.run_to_stop_signal();
    step_and_kill();
    return stage_.keeper.wait_for_end();
}

void Run::step_and_kill() {
    if (!moments_.in_request) {
        paths_.request = stage_.keeper.walk();
        return;
    }
    kill_after(paths_.request, *moments_.in_request);
    if (moments_.learns_recovery) {
        paths_.recovery = stage_.keeper.walk();
    } else if (moments_.in_recovery) {
        kill_after(paths_.recovery, *moments_.in_recovery);
    }
}

void Run::kill_after(const Path& path, std::uint64_t instructions) {
    counts_.elsewhere += stage_.keeper.advance(path, instructions) ? 0 : 1;
    stage_.keeper.kill();
    ++counts_.kills;
}

// --- what must have become of them

void Run::expect_value(Call& call, ssize_t value) {
    const Result& result = finish(call);
    if (result.value != value) {
        expect(false, "a call returned " + std::to_string(result.value) + " (" +
                          std::strerror(result.error) + ") instead of " + std::to_string(value));
    }
}

void Run::expect_error(Call& call, int error) {
    const Result& result = finish(call);
    if (result.value != -1 || result.error != error) {
        expect(false, "a call returned " + std::to_string(result.value) + " (" +
                          std::strerror(result.error) + ") instead of " + std::strerror(error));
    }
}

void Run::expect_read(Call& call, const std::vector<std::string>& messages, bool frames) {
    const Result& result = finish(call);
    expect(result.value >= 0, "a read: " + std::string(std::strerror(result.error)));
    std::vector<std::string> got;
    if (result.value > 0) {
        got = frames ? messages_of(result.bytes) : std::vector{result.bytes};
    }
    expect_messages(messages, got);
}

void Run::expect_queued(const std::vector<std::string>& messages) {
    std::vector<std::string> got;
    Result result;
    do {
        result = finish(start_read(nonblocking(), most_bytes));
        if (result.value > 0) {
            got.push_back(result.bytes);
        }
    } while (result.value > 0);
    expect(result.error == EAGAIN, "a read: " + std::string(std::strerror(result.error)));
    expect_messages(messages, got);
}

void Run::expect_messages(const std::vector<std::string>& wanted,
                          const std::vector<std::string>& got) {
    wanted_.insert(wanted_.end(), wanted.begin(), wanted.end());
    got_.insert(got_.end(), got.begin(), got.end());
    if (got == wanted) {
        return;
    }
    complain("got " + list(got) + " instead of " + list(wanted));
    counts_.reordered += std::ranges::is_permutation(wanted, got) ? 1 : 0;
}

void Run::expect(bool so, const std::string& what) {
    if (!so) {
        ++counts_.errors;
        complain(what);
    }
}

void Run::complain(const std::string& what) const {
    std::cerr << name_ << ": " << what << '\n';
}

void Run::end() {
    expect_queued({});
    std::map<std::string, int> balance;
    for (const std::string& message : wanted_) {
        --balance[message];
    }
    for (const std::string& message : got_) {
        ++balance[message];
    }
    for (const auto& [message, more] : balance) {
        counts_.lost += more < 0 ? static_cast<std::uint64_t>(-more) : 0;
        counts_.doubled += more > 0 ? static_cast<std::uint64_t>(more) : 0;
    }
    const ipcdev_info now = info();
    const ipcdev_stats after = stats();
    outcome_ = {{"mode", now.mode},
                {"depth", now.depth},
                {"queued_messages", now.queued_messages},
                {"queued_bytes", now.queued_bytes},
                {"parked_readers", now.parked_readers},
                {"parked_writers", now.parked_writers},
                {"opens", now.opens},
                {"begun_messages", now.begun_messages},
                {"messages_written", after.messages_written - before_.messages_written},
                {"bytes_written", after.bytes_written - before_.bytes_written},
                {"messages_read", after.messages_read - before_.messages_read},
                {"bytes_read", after.bytes_read - before_.bytes_read},
                {"messages_overwritten", after.messages_overwritten - before_.messages_overwritten},
                {"bytes_truncated", after.bytes_truncated - before_.bytes_truncated},
                {"messages_cleared", after.messages_cleared - before_.messages_cleared},
                {"reader_parks", after.reader_parks - before_.reader_parks},
                {"writer_parks", after.writer_parks - before_.writer_parks},
                {"interrupted", after.interrupted - before_.interrupted}};
    // One that is killed before it has counted its predecessor is not counted itself.
    const std::uint32_t generations = now.generation - generation_;
    expect(generations >= (moments_.in_request ? 1U : 0U), "INFO counts no other process");
    stage_.calls.clear();
}

void Run::expect_outcome(const Outcome& wanted) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        expect(outcome_[i].second == wanted[i].second,
               std::string(outcome_[i].first) + " is " + std::to_string(outcome_[i].second) +
                   " instead of " + std::to_string(wanted[i].second));
    }
}

// --- frames

std::string frames_of(const std::vector<std::string>& messages) {
    std::vector<std::byte> room(IPCDEV_BATCH_BYTES_MAX);
    FramePacker packer(room);
    for (const std::string& message : messages) {
        static_cast<void>(packer.append(std::as_bytes(std::span(message))));
    }
    const auto frames = packer.frames();
    return {reinterpret_cast<const char*>(frames.data()), frames.size()};
}

std::vector<std::string> messages_of(const std::string& frames) {
    std::vector<std::string> messages;
    FrameIterator iterator(std::as_bytes(std::span(frames)));
    while (const auto frame = iterator.next()) {
        messages.emplace_back(reinterpret_cast<const char*>(frame->message.data()),
                              frame->message.size());
    }
    return messages;
}

} // namespace ipcdev::keep_tests
