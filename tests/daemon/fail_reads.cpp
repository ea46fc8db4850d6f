// SPDX-License-Identifier: MIT
//
// Preloaded into the daemon (LD_PRELOAD): its reads of requests fail as the file says that
// $IPCDEV_FAIL_READS names, a number that the tests have mapped. 0: they don't; an errno;
// -1: they throw, as anything might that the loop calls; -2: they don't, but the kernel's
// handshake is one of FUSE 6, which libfuse refuses.
#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace {

constexpr std::size_t request_room = std::size_t{1} << 20U; // nothing else asks for so much

const volatile int* map_the_number() {
    const char* path = std::getenv("IPCDEV_FAIL_READS");
    const int file = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file == -1) {
        return nullptr;
    }
    void* place = mmap(nullptr, sizeof(int), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    return place == MAP_FAILED ? nullptr : static_cast<const volatile int*>(place);
}

// The same for CUSE.
struct Handshake {
    fuse_in_header header;
    fuse_init_in in;
};

void make_older(void* request, ssize_t bytes) {
    Handshake handshake{};
    if (bytes < static_cast<ssize_t>(offsetof(Handshake, in.minor))) {
        return;
    }
    std::memcpy(&handshake, request, offsetof(Handshake, in.minor));
    if (handshake.header.opcode == FUSE_INIT || handshake.header.opcode == CUSE_INIT) {
        handshake.in.major = 6;
        std::memcpy(request, &handshake, offsetof(Handshake, in.minor));
    }
}

} // namespace

extern "C" ssize_t read(int fd, void* buffer, std::size_t bytes) {
    static const volatile int* const number = map_the_number();
    const int failure = number == nullptr || bytes < request_room ? 0 : *number;
    if (failure == -1) {
        throw std::runtime_error("a read that throws");
    }
    if (failure > 0) {
        errno = failure;
        return -1;
    }
    const ssize_t got = syscall(SYS_read, fd, buffer, bytes);
    if (failure == -2) {
        make_older(buffer, got);
    }
    return got;
}
