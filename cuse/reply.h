// SPDX-License-Identifier: MIT
//
// The right, and the duty, to answer one request. One that is dropped without
// an answer answers EIO by itself: a client never waits for a reply that can't
// come, and could not even be killed while it does. Each answer returns false
// if the kernel would not take it, because the connection is gone: then the
// client has got nothing.
//
// Requires: each is answered once. Another's request would get a second answer.
//
// Reply answers a read or write: one write() to the connection, and nothing
// else. LibfuseReply answers what libfuse has dispatched.
#pragma once

#include <fuse_lowlevel.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace ipcdev {

class Reply {
  public:
    // The kernel puts a header in front of an answer, of this size.
    static constexpr std::size_t header_bytes = 16;

    Reply() = default;
    // To the request that the kernel calls `unique`, on that connection.
    Reply(int connection, std::uint64_t unique) : unique_(unique), connection_(connection) {}
    Reply(Reply&& other) noexcept : unique_(other.detach()), connection_(other.connection_) {}
    Reply& operator=(Reply&& other) noexcept;
    Reply(const Reply&) = delete;
    Reply& operator=(const Reply&) = delete;
    ~Reply();

    bool error(int positive_errno); // 1 to 511: the kernel refuses others
    bool nothing();                 // to a read: 0 bytes
    // To a read: the bytes from where they lie, with the header written in front
    // of them for that moment, and as it was afterwards.
    // Requires: the header_bytes before `data` are memory of the caller's.
    bool bytes_in_place(std::span<std::byte> data);
    bool count(std::size_t written); // to a write

  private:
    std::uint64_t detach() { return std::exchange(unique_, 0); }
    std::uint64_t detach_to_answer();
    bool send(const void* answer, std::size_t bytes) const;

    std::uint64_t unique_ = 0; // 0: no request, the kernel begins with 2
    int connection_ = -1;
};

class LibfuseReply {
  public:
    LibfuseReply() = default;
    explicit LibfuseReply(fuse_req_t request) : request_(request) {}
    LibfuseReply(LibfuseReply&& other) noexcept : request_(other.detach()) {}
    LibfuseReply& operator=(LibfuseReply&& other) noexcept;
    LibfuseReply(const LibfuseReply&) = delete;
    LibfuseReply& operator=(const LibfuseReply&) = delete;
    ~LibfuseReply();

    bool error(int positive_errno); // 0: success; 1 to 511
    bool ioctl_result(std::span<const std::byte> out);
    bool poll_events(unsigned events);

  private:
    fuse_req_t detach() { return std::exchange(request_, nullptr); }
    fuse_req_t detach_to_answer();

    fuse_req_t request_ = nullptr;
};

} // namespace ipcdev
