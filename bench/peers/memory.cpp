// SPDX-License-Identifier: MIT
#include "peers/memory.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "support/descriptor.h"
#include "support/errors.h"
#include "temporary.h"

namespace ipcdev::bench {

namespace {

void* map(int fd, std::size_t bytes, int flags) {
    void* place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd, 0);
    if (place == MAP_FAILED) {
        test::throw_errno("mmap");
    }
    return place;
}

void* map_file(const test::Descriptor& file, std::size_t bytes) {
    test::checked(ftruncate(file.get(), static_cast<off_t>(bytes)), "ftruncate");
    return map(file.get(), bytes, 0);
}

void* map_temporary_file(std::size_t bytes) {
    const TemporaryFolder folder;
    const auto path = folder.path() / "memory";
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
    const test::Descriptor file(
        test::checked(open(path.c_str(), flags, S_IRUSR | S_IWUSR), "open"));
    return map_file(file, bytes);
}

void* map_posix(std::size_t bytes) {
    const std::string name = "/ipcdev-bench-" + std::to_string(getpid());
    const test::Descriptor file(test::checked(
        shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR),
        "shm_open"));
    shm_unlink(name.c_str());
    return map_file(file, bytes);
}

// Marked for removal at once, it lives until the last process that has it ends.
void* map_sysv(std::size_t bytes) {
    const int id =
        test::checked(shmget(IPC_PRIVATE, bytes, IPC_CREAT | S_IRUSR | S_IWUSR), "shmget");
    void* place = shmat(id, nullptr, 0);
    const int error = errno;
    shmctl(id, IPC_RMID, nullptr);
    if (reinterpret_cast<std::intptr_t>(place) == -1) {
        errno = error;
        test::throw_errno("shmat");
    }
    return place;
}

void* obtain(Source source, std::size_t bytes) {
    switch (source) {
    case Source::anonymous:
        return map(-1, bytes, MAP_ANONYMOUS);
    case Source::file:
        return map_temporary_file(bytes);
    case Source::posix:
        return map_posix(bytes);
    case Source::sysv:
        return map_sysv(bytes);
    }
    return nullptr;
}

} // namespace

Memory::Memory(Source source, std::size_t bytes)
    : source_(source), data_(static_cast<std::byte*>(obtain(source, bytes))), bytes_(bytes) {}

Memory::~Memory() {
    if (data_ == nullptr) {
        return;
    }
    if (source_ == Source::sysv) {
        shmdt(data_);
    } else {
        munmap(data_, bytes_);
    }
}

} // namespace ipcdev::bench
