// SPDX-License-Identifier: MIT
//
// Takes requests from the kernel, one after the other:
//
//   1. read()      one request, into a buffer of its own
//   2. by opcode   READ, WRITE: Operations decides, and answers by one write();
//                  INTERRUPT: Operations ends the parked call that it names;
//                  all others are rare: libfuse dispatches them
//
// so a message costs two system calls for its write and two for its read, no
// allocation and no lock.
//
// One thread reads, and an interrupt is sent only for a request that has been
// read and not been answered (fs/fuse/dev.c: queue_interrupt wants FR_SENT, and
// fuse_request_end takes it off again):
//
//     kernel                              loop
//     READ a               ---------->    parked
//     INTERRUPT of a       ---------->    finds a, answers EINTR
//
// so one that comes before its request, or for libfuse's, which are answered
// when they are read, can't happen. It would be dropped: libfuse would keep it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "pages.h"

struct fuse_in_header;

namespace ipcdev {

class Operations;
class Session;

// What the kernel may send as the bytes of one write: session_*.cpp agrees on it
// in the handshake. More than any message, so that an oversize one comes whole.
inline constexpr std::size_t max_write_bytes = std::size_t{1} << 20U;

class Loop {
  public:
    // `spin`: how long to look for a request again and again before it sleeps until
    // one comes. That saves the wake-up of a processor that idles; where a client
    // shares the processor, it only takes the client's time. Throws std::bad_alloc.
    Loop(Session& session, Operations& operations, std::chrono::microseconds spin);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Takes one request and has it answered, now or later. Waits for one unless a
    // signal comes. False when the connection is over.
    bool serve_one();

  private:
    // Of a request, from its header on. They last until the next read().
    using Bytes = std::span<std::byte>;

    ssize_t receive();
    ssize_t receive_spinning();
    static bool goes_on_after(int error);
    bool dispatch(Bytes request);
    bool read(const fuse_in_header& header, Bytes arguments);
    bool write(const fuse_in_header& header, Bytes arguments);
    bool interrupt(Bytes arguments);

    const int connection_;
    const std::chrono::microseconds spin_; // 0: the connection blocks
    Session& session_;
    Operations& operations_;
    Pages buffer_;
};

} // namespace ipcdev
