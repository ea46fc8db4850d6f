// SPDX-License-Identifier: MIT
#include "many_calls.h"

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ipcdev::conformance {

namespace {

void* stalling_memory = nullptr; // of this client

// The kernel has at most the threads of this many calls, so their stacks are small.
Outcome start(const Call& call, void* (*body)(void*)) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 32768);
    for (std::int64_t i = 0; i < call.numbers[0]; ++i) {
        pthread_t thread{};
        errno = pthread_create(&thread, &attributes, body,
                               reinterpret_cast<void*>(static_cast<std::intptr_t>(call.fd)));
        if (errno != 0) {
            return outcome(-1);
        }
    }
    return {};
}

int descriptor(void* argument) {
    return static_cast<int>(reinterpret_cast<std::intptr_t>(argument));
}

} // namespace

Outcome read_in_threads(const Call& call) {
    return start(call, [](void* fd) -> void* {
        char byte = 0;
        [[maybe_unused]] const ssize_t n = read(descriptor(fd), &byte, 1);
        return nullptr;
    });
}

Outcome write_in_threads(const Call& call) {
    return start(call, [](void* fd) -> void* {
        [[maybe_unused]] const ssize_t n = write(descriptor(fd), "x", 1);
        return nullptr;
    });
}

Outcome read_stalling_in_threads(const Call& call) {
    return start(call, [](void* fd) -> void* {
        [[maybe_unused]] const ssize_t n = read(descriptor(fd), stalling_memory, 1);
        return nullptr;
    });
}

Outcome read_stalling(const Call& call) {
    return outcome(read(call.fd, stalling_memory, 1));
}

Outcome prepare_stalling_memory(const Call& /*call*/) {
    const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const auto faults = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC));
    if (faults == -1) {
        return outcome(-1);
    }
    void* page = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uffdio_api api{.api = UFFD_API, .features = 0, .ioctls = 0};
    uffdio_register range{.range = {.start = reinterpret_cast<std::uintptr_t>(page), .len = bytes},
                          .mode = UFFDIO_REGISTER_MODE_MISSING,
                          .ioctls = 0};
    if (page == MAP_FAILED || ioctl(faults, UFFDIO_API, &api) == -1 ||
        ioctl(faults, UFFDIO_REGISTER, &range) == -1) {
        return outcome(-1);
    }
    stalling_memory = page;
    return {};
}

bool make_stalling_memory(Client& client) {
    static_cast<void>(client.pid()); // starts it
    const Outcome made = client.run(prepare_stalling_memory, {no_descriptor, {}, {}, -1});
    if (made.result < 0 && made.error != EPERM && made.error != ENOSYS) {
        throw std::runtime_error(client.name() + " can't make memory that stalls: " + made.text());
    }
    return made.result == 0;
}

bool start_threads(Client& client, Action in_threads, unsigned count) {
    const Outcome started =
        client.run(in_threads, {Client::own, {static_cast<std::int64_t>(count)}, {}, -1});
    if (started.result != 0 && started.error != EAGAIN) {
        throw std::runtime_error(client.name() + " can't start threads: " + started.text());
    }
    return started.result == 0;
}

bool start_threads(std::vector<Client>& clients, Action in_threads, unsigned count) {
    const auto each = static_cast<unsigned>(count / clients.size());
    return std::ranges::all_of(
        clients, [&](Client& client) { return start_threads(client, in_threads, each); });
}

} // namespace ipcdev::conformance
