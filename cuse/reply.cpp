// SPDX-License-Identifier: MIT
#include "reply.h"

#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>

#include <spdlog/spdlog.h>

namespace ipcdev {

namespace {

static_assert(sizeof(fuse_out_header) == Reply::header_bytes);

template <typename Out> struct Answer {
    fuse_out_header header;
    Out out;
};

fuse_out_header header_of(std::size_t answer_bytes, int negative_errno, std::uint64_t unique) {
    return {
        .len = static_cast<std::uint32_t>(answer_bytes), .error = negative_errno, .unique = unique};
}

// False if the kernel did not take it.
bool taken(ssize_t written) {
    if (written != -1) {
        return true;
    }
    if (errno != ENOENT) { // ENOENT: the connection is gone, with all its requests
        spdlog::error("the kernel does not take an answer: {}", std::strerror(errno));
    }
    return false;
}

} // namespace

Reply& Reply::operator=(Reply&& other) noexcept {
    if (this != &other) {
        if (unique_ != 0) {
            error(EIO);
        }
        unique_ = other.detach();
        connection_ = other.connection_;
    }
    return *this;
}

Reply::~Reply() {
    if (unique_ != 0) {
        error(EIO);
    }
}

bool Reply::error(int positive_errno) {
    const auto header = header_of(header_bytes, -positive_errno, detach_to_answer());
    return taken(::write(connection_, &header, sizeof(header)));
}

bool Reply::success() {
    return error(0);
}

// Restores the bytes before `data`: they may be part of the message too, and waiting again
// if the kernel did not take an earlier reader's answer.
bool Reply::bytes_in_place(std::span<std::byte> data) {
    std::byte* place = data.data() - header_bytes;
    std::array<std::byte, header_bytes> before{};
    const std::size_t answer_bytes = header_bytes + data.size();
    const auto header = header_of(answer_bytes, 0, detach_to_answer());
    std::memcpy(before.data(), place, header_bytes);
    std::memcpy(place, &header, header_bytes);
    const bool sent = taken(::write(connection_, place, answer_bytes));
    std::memcpy(place, before.data(), header_bytes);
    return sent;
}

bool Reply::count(std::size_t written) {
    return send(fuse_write_out{.size = static_cast<std::uint32_t>(written), .padding = 0});
}

bool Reply::opened(std::uint64_t handle, std::uint32_t open_flags) {
    return send(fuse_open_out{.fh = handle, .open_flags = open_flags, .padding = 0});
}

bool Reply::poll_events(std::uint32_t events) {
    return send(fuse_poll_out{.revents = events, .padding = 0});
}

bool Reply::ioctl_result(std::span<const std::byte> out) {
    using Head = Answer<fuse_ioctl_out>;
    std::array<std::byte, sizeof(Head) + ioctl_bytes_max> answer{};
    assert(out.size() <= ioctl_bytes_max);
    const std::size_t bytes = sizeof(Head) + out.size();
    const Head head{.header = header_of(bytes, 0, detach_to_answer()), .out = {}};
    std::memcpy(answer.data(), &head, sizeof(head));
    std::ranges::copy(out, answer.begin() + sizeof(head));
    return taken(::write(connection_, answer.data(), bytes));
}

template <typename Out> bool Reply::send(const Out& out) {
    const Answer<Out> answer{.header = header_of(sizeof(answer), 0, detach_to_answer()),
                             .out = out};
    return taken(::write(connection_, &answer, sizeof(answer)));
}

std::uint64_t Reply::detach_to_answer() {
    assert(unique_ != 0); // answered, moved from or of no request
    return detach();
}

void notify_poll(int connection, std::uint64_t poll_handle) {
    using Notice = Answer<fuse_notify_poll_wakeup_out>;
    const Notice notice{.header = header_of(sizeof(notice), FUSE_NOTIFY_POLL, 0),
                        .out = {.kh = poll_handle}};
    taken(::write(connection, &notice, sizeof(notice)));
}

} // namespace ipcdev
