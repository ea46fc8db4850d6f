// SPDX-License-Identifier: MIT
//
// Takes requests from the kernel, one after the other:
//
//   1. read()      one request, into the loop's own buffer
//   2. by opcode   READ, WRITE, OPEN, RELEASE, IOCTL, POLL: Operations decides, and
//                  answers with one write();
//                  INTERRUPT: Operations ends the parked call that it names;
//                  the rest does not concern the device, and is left to libfuse
//
// So a message costs two system calls for its write and two for its read, no
// allocation and no lock.
//
// One thread reads, and the kernel sends an interrupt only for a request that has been
// read and not answered (fs/fuse/dev.c: queue_interrupt() requires FR_SENT, and
// fuse_request_end() dequeues it):
//
//     kernel                              loop
//     READ a               ---------->    parked
//     INTERRUPT of a       ---------->    finds a, answers EINTR
//
// So no interrupt comes before its request, and none for those that are answered at once:
// all but reads and writes that park. The loop drops an interrupt that finds no parked call;
// libfuse would keep it.
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

// The most bytes the kernel sends in one WRITE: session_*.cpp negotiates it in the
// handshake. Larger than any message, so an oversize one arrives whole and is refused.
inline constexpr std::size_t max_write_bytes = std::size_t{1} << 20U;

// Was it the process's own fault that the signal killed it? Others are sent by somebody, or by the
// kernel for want of memory.
[[nodiscard]] bool is_crash(int signal);

class Loop {
  public:
    // The connection after a request.
    enum class State {
        open,
        ended, // by the kernel: unmounted, or aborted
        failed // can't be read, or has sent something that is no request; the log says why
    };

    // For one request.
    static constexpr std::size_t buffer_bytes =
        4096 + max_write_bytes; // libfuse's figure: enough for any request's arguments

    // `spin`: how long to busy-wait for a request before sleeping. It saves waking an idle
    // processor, but takes time from a client on the same processor. Throws
    // std::bad_alloc.
    Loop(Session& session, Operations& operations, std::chrono::microseconds spin);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Receives one request, which is answered now or later. Waits until one comes or a
    // signal does.
    State serve_one();

    // Of a process that goes on after another one was killed by that signal (0: there was none):
    // finishes what that had begun. A request that has made two crash gets EIO. False if the
    // connection is over. Throws std::bad_alloc.
    bool recover(int predecessor);

    // EIO for the request that was received last, if it is not answered.
    void refuse_received();

  private:
    // A request, from its header on. Valid until the next read().
    using Bytes = std::span<std::byte>;

    ssize_t receive();
    ssize_t receive_spinning();
    static State state_after(int error);
    [[nodiscard]] bool was_begun(const fuse_in_header& header) const;
    [[nodiscard]] bool is_of_lost_open(const fuse_in_header& header, Bytes arguments);
    bool dispatch(Bytes request); // false: it is none
    bool read(const fuse_in_header& header, Bytes arguments);
    bool write(const fuse_in_header& header, Bytes arguments);
    bool interrupt(const fuse_in_header& header, Bytes arguments);
    bool open(const fuse_in_header& header, Bytes arguments);
    bool release(const fuse_in_header& header, Bytes arguments);
    bool ioctl(const fuse_in_header& header, Bytes arguments);
    bool poll(const fuse_in_header& header, Bytes arguments);

    const int connection_;
    const std::chrono::microseconds spin_; // 0: the connection blocks
    Session& session_;
    Operations& operations_;
    Pages buffer_;
};

} // namespace ipcdev
