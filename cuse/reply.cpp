// SPDX-License-Identifier: MIT
#include "reply.h"

#include <linux/fuse.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include <spdlog/spdlog.h>

namespace ipcdev {

namespace {

static_assert(sizeof(fuse_out_header) == answer_header_bytes);

template <typename Out> struct Answer {
    fuse_out_header header;
    Out out;
};

fuse_out_header header_of(std::size_t answer_bytes, int negative_errno, std::uint64_t unique) {
    return {
        .len = static_cast<std::uint32_t>(answer_bytes), .error = negative_errno, .unique = unique};
}

// Has each page of it in this process's memory. If the kernel had to see to that in the middle of
// write(), and the process were killed then, the client would get EIO.
void touch(const void* answer, std::size_t bytes) {
    constexpr std::size_t page = 4096; // or more
    const auto* const begin = static_cast<const volatile std::byte*>(answer);
    for (std::size_t at = 0; at < bytes; at += page) {
        static_cast<void>(begin[at]);
    }
    static_cast<void>(begin[bytes - 1]);
}

Sent send(int connection, const void* answer, std::size_t bytes) {
    touch(answer, bytes);
    if (::write(connection, answer, bytes) != -1) {
        return Sent::taken;
    }
    if (errno == ENOENT) {
        return Sent::unknown;
    }
    spdlog::error("the kernel does not take an answer: {}", std::strerror(errno));
    return Sent::refused;
}

} // namespace

Sent answer_error(int connection, std::uint64_t unique, int positive_errno) {
    const auto header = header_of(answer_header_bytes, -positive_errno, unique);
    return send(connection, &header, sizeof(header));
}

Sent answer_count(int connection, std::uint64_t unique, std::size_t written) {
    using Count = Answer<fuse_write_out>;
    const Count answer{.header = header_of(sizeof(answer), 0, unique),
                       .out = {.size = static_cast<std::uint32_t>(written), .padding = 0}};
    return send(connection, &answer, sizeof(answer));
}

// Restores the bytes before `data`: they may be part of the message too, and waiting again
// if the kernel did not take an earlier reader's answer.
Sent answer_bytes_in_place(int connection, std::uint64_t unique, std::span<std::byte> data) {
    std::byte* place = data.data() - answer_header_bytes;
    std::array<std::byte, answer_header_bytes> before{};
    const std::size_t answer_bytes = answer_header_bytes + data.size();
    const auto header = header_of(answer_bytes, 0, unique);
    std::memcpy(before.data(), place, answer_header_bytes);
    UndoLog::note(place, answer_header_bytes);
    std::memcpy(place, &header, answer_header_bytes);
    const Sent sent = send(connection, place, answer_bytes);
    std::memcpy(place, before.data(), answer_header_bytes);
    return sent;
}

void KeptAnswer::error(std::uint64_t unique, int positive_errno) {
    const auto header = header_of(answer_header_bytes, -positive_errno, unique);
    UndoLog::note(answer_.data(), sizeof(header));
    std::memcpy(answer_.data(), &header, sizeof(header));
    bytes_ = sizeof(header);
}

void KeptAnswer::opened(std::uint64_t unique, std::uint64_t handle, std::uint32_t open_flags) {
    hold(unique, fuse_open_out{.fh = handle, .open_flags = open_flags, .padding = 0});
}

void KeptAnswer::poll_events(std::uint64_t unique, std::uint32_t events) {
    hold(unique, fuse_poll_out{.revents = events, .padding = 0});
}

void KeptAnswer::ioctl_result(std::uint64_t unique, std::span<const std::byte> out) {
    assert(out.size() <= ioctl_bytes_max);
    using Head = Answer<fuse_ioctl_out>;
    static_assert(sizeof(Head) + ioctl_bytes_max <= sizeof(answer_));
    const std::size_t bytes = sizeof(Head) + out.size();
    const Head head{.header = header_of(bytes, 0, unique), .out = {}};
    UndoLog::note(answer_.data(), bytes);
    std::memcpy(answer_.data(), &head, sizeof(head));
    std::ranges::copy(out, answer_.begin() + sizeof(head));
    bytes_ = static_cast<std::uint32_t>(bytes);
}

template <typename Out> void KeptAnswer::hold(std::uint64_t unique, const Out& out) {
    const Answer<Out> answer{.header = header_of(sizeof(answer), 0, unique), .out = out};
    UndoLog::note(answer_.data(), sizeof(answer));
    std::memcpy(answer_.data(), &answer, sizeof(answer));
    bytes_ = sizeof(answer);
}

Sent KeptAnswer::send(int connection) {
    const Sent sent = ipcdev::send(connection, answer_.data(), bytes_);
    bytes_ = 0;
    return sent;
}

bool KeptAnswer::is_sound() const {
    fuse_out_header header{};
    std::memcpy(&header, answer_.data(), sizeof(header));
    return bytes_ == 0 || (bytes_ <= answer_.size() && bytes_ == header.len);
}

Sent KeptAnswer::refuse(int connection, int positive_errno) {
    fuse_out_header header{};
    std::memcpy(&header, answer_.data(), sizeof(header));
    const Sent sent = answer_error(connection, header.unique, positive_errno);
    bytes_ = 0;
    return sent;
}

void notify_poll(int connection, std::uint64_t poll_handle) {
    using Notice = Answer<fuse_notify_poll_wakeup_out>;
    const Notice notice{.header = header_of(sizeof(notice), FUSE_NOTIFY_POLL, 0),
                        .out = {.kh = poll_handle}};
    send(connection, &notice, sizeof(notice));
}

// An answer to an interrupt (bit 0 of its id) must be a header alone: of this the kernel says
// EINVAL, after it has looked for the request.
bool is_unanswered(int connection, std::uint64_t unique) {
    const Answer<std::uint64_t> probe{.header = header_of(sizeof(probe), 0, unique | 1U), .out = 0};
    return ::write(connection, &probe, sizeof(probe)) == -1 && errno == EINVAL;
}

void repeat_interrupt(int connection, std::uint64_t unique) {
    const auto header = header_of(answer_header_bytes, -EAGAIN, unique | 1U);
    static_cast<void>(::write(connection, &header, sizeof(header)));
}

} // namespace ipcdev
