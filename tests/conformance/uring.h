// SPDX-License-Identifier: MIT
//
// io_uring in a client: one ring a process, and a buffer for each of its operations.
//
// An operation has a name, a small number, by which its completion is told. What is
// read or written begins at the current position, as by read(2) and write(2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "client.h"

namespace ipcdev::conformance {

// What became of an operation: its result, or -1 and an error; the bytes that a read
// got, or the events of a poll.
struct UringCompletion {
    std::uint32_t name = 0;
    bool more = false; // a multishot operation, which goes on
    Outcome outcome;
};

class Uring {
  public:
    // The client must outlive it, and must have the device open.
    explicit Uring(Client& client) : client_(client) {}

    // Requires: before anything else, once in the life of the client. Fails with EPERM
    // or ENOSYS where io_uring is not allowed.
    Outcome set_up(unsigned flags = 0); // IORING_SETUP_*
    // From now on every read is made by a worker (IOSQE_ASYNC), not by who submits it.
    void have_workers_read();
    // The ring goes, and with it, some time later, what it has not completed.
    void close();

    // What the next submit() submits. Flags: IOSQE_*.
    void read(std::uint32_t name, std::size_t count, unsigned flags = 0);
    void write(std::uint32_t name, std::string_view bytes, unsigned flags = 0);
    // Of the descriptor and the buffer that this registers with the ring.
    void read_registered(std::uint32_t name, std::size_t count);
    // Goes on, with a completion for each message of at most 512 bytes.
    void read_multishot(std::uint32_t name);
    void read_nowait(std::uint32_t name, std::size_t count); // with RWF_NOWAIT
    void nothing(std::uint32_t name);
    void cancel(std::uint32_t name, std::uint32_t whose);
    void poll_multishot(std::uint32_t name, std::uint32_t events);

    void start_submit();
    void start_completion(); // waits for one
    // Of what was started: the client's result().
    [[nodiscard]] UringCompletion completion();

    [[nodiscard]] Client& client() { return client_; }

    // All by itself: keeps `at_once` reads of `count` bytes in flight until `messages`
    // of them are completed. The client's result() has their bytes one behind another,
    // and in `events` how many reads ended with EINTR and were begun anew.
    void start_reading(unsigned messages, std::size_t count, unsigned at_once);

  private:
    Client& client_;
    unsigned flags_of_reads_ = 0;
};

} // namespace ipcdev::conformance
