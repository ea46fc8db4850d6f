// SPDX-License-Identifier: MIT
//
// What runs in a client: the loop that takes calls and answers them, and the
// system calls themselves. See client.h for the suite's side.
#pragma once

#include "client.h"

namespace ipcdev::conformance {

// On the wire a header, then `length` bytes.
struct CallHeader {
    Action action = nullptr;
    std::array<std::int64_t, 4> numbers{};
    std::uint64_t length = 0;
    std::int32_t fd = -1;
    std::int32_t unused = 0;
};

struct OutcomeHeader {
    std::int64_t result = 0;
    std::uint64_t length = 0;
    std::int32_t error = 0;
    std::uint32_t events = 0;
};

// All of it, or false: the other end is gone.
[[nodiscard]] bool send_all(int socket, const void* data, std::size_t size);
[[nodiscard]] bool receive_all(int socket, void* data, std::size_t size);

// The client's main(): answers calls until the suite hangs up.
int client_main(int socket);

// Actions. The meaning of Call::numbers and bytes stands with the caller in client.cpp.
namespace action {

Outcome open(const Call& call);
Outcome close(const Call& call);
Outcome dup(const Call& call);
Outcome read(const Call& call);
Outcome write(const Call& call);
Outcome readv(const Call& call);
Outcome writev(const Call& call);
Outcome pread(const Call& call);
Outcome pwrite(const Call& call);
Outcome lseek(const Call& call);
Outcome ioctl(const Call& call);
Outcome set_nonblocking(const Call& call);
Outcome read_into_bad_buffer(const Call& call);
Outcome write_from_bad_buffer(const Call& call);
Outcome poll(const Call& call);
Outcome select(const Call& call);
Outcome epoll(const Call& call);
Outcome epoll_wait(const Call& call);

Outcome thread_id(const Call& call);
Outcome serve_in_thread(const Call& call); // Call::passed is its socket
Outcome serve_in_child(const Call& call);  // Call::passed is its socket

} // namespace action
} // namespace ipcdev::conformance
