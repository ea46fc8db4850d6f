// SPDX-License-Identifier: MIT
#include "reply.h"

#include <linux/fuse.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace ipcdev {

namespace {

static_assert(sizeof(fuse_out_header) == Reply::header_bytes);

struct CountAnswer {
    fuse_out_header header;
    fuse_write_out count;
};

fuse_out_header header_of(std::size_t answer_bytes, int negative_errno, std::uint64_t unique) {
    return {
        .len = static_cast<std::uint32_t>(answer_bytes), .error = negative_errno, .unique = unique};
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
    return send(&header, sizeof(header));
}

bool Reply::nothing() {
    return error(0);
}

// The bytes before a slice of a message may be another's: of an earlier reader
// whose answer the kernel did not take, so that they are queued again.
bool Reply::bytes_in_place(std::span<std::byte> data) {
    std::byte* place = data.data() - header_bytes;
    std::array<std::byte, header_bytes> before{};
    const std::size_t answer_bytes = header_bytes + data.size();
    const auto header = header_of(answer_bytes, 0, detach_to_answer());
    std::memcpy(before.data(), place, header_bytes);
    std::memcpy(place, &header, header_bytes);
    const bool sent = send(place, answer_bytes);
    std::memcpy(place, before.data(), header_bytes);
    return sent;
}

bool Reply::count(std::size_t written) {
    const CountAnswer answer{
        .header = header_of(sizeof(answer), 0, detach_to_answer()),
        .count = {.size = static_cast<std::uint32_t>(written), .padding = 0},
    };
    return send(&answer, sizeof(answer));
}

std::uint64_t Reply::detach_to_answer() {
    assert(unique_ != 0); // answered, moved from or of no request
    return detach();
}

bool Reply::send(const void* answer, std::size_t bytes) const {
    if (::write(connection_, answer, bytes) != -1) {
        return true;
    }
    if (errno != ENOENT) { // the connection is gone, and all its requests
        fuse_log(FUSE_LOG_ERR, "the kernel does not take an answer: %s\n", std::strerror(errno));
    }
    return false;
}

LibfuseReply& LibfuseReply::operator=(LibfuseReply&& other) noexcept {
    if (this != &other) {
        if (request_ != nullptr) {
            error(EIO);
        }
        request_ = other.detach();
    }
    return *this;
}

LibfuseReply::~LibfuseReply() {
    if (request_ != nullptr) {
        error(EIO);
    }
}

fuse_req_t LibfuseReply::detach_to_answer() {
    assert(request_ != nullptr); // answered, moved from or of no request
    return detach();
}

bool LibfuseReply::error(int positive_errno) {
    return fuse_reply_err(detach_to_answer(), positive_errno) == 0;
}

bool LibfuseReply::ioctl_result(std::span<const std::byte> out) {
    return fuse_reply_ioctl(detach_to_answer(), 0, out.data(), out.size()) == 0;
}

bool LibfuseReply::poll_events(unsigned events) {
    return fuse_reply_poll(detach_to_answer(), events) == 0;
}

} // namespace ipcdev
