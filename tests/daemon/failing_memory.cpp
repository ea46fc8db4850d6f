// SPDX-License-Identifier: MIT
#include "failing_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <limits>
#include <new>

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
extern "C" void* __real_malloc(std::size_t bytes);
extern "C" void __real_free(void* place);
extern "C" int __real_mprotect(void* place, std::size_t bytes, int protection);
extern "C" void* __wrap_malloc(std::size_t bytes);
extern "C" void __wrap_free(void* place);
extern "C" int __wrap_mprotect(void* place, std::size_t bytes, int protection);
// NOLINTEND(bugprone-reserved-identifier)

namespace ipcdev::daemon_tests {

namespace {

constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

std::size_t to_succeed = all;
std::size_t made = 0;

bool may_allocate() {
    if (to_succeed == 0) {
        return false;
    }
    to_succeed -= to_succeed == all ? 0 : 1;
    ++made;
    return true;
}

void* allocate(std::size_t bytes) {
    return may_allocate() ? __real_malloc(bytes == 0 ? 1 : bytes) : nullptr;
}

void deallocate(void* place) {
    __real_free(place);
}

} // namespace

NoMemory::NoMemory(std::size_t before) {
    to_succeed = before;
}

NoMemory::~NoMemory() {
    to_succeed = all;
}

std::size_t allocations() {
    return made;
}

} // namespace ipcdev::daemon_tests

using ipcdev::daemon_tests::allocate;
using ipcdev::daemon_tests::deallocate;
using ipcdev::daemon_tests::may_allocate;

void* __wrap_malloc(std::size_t bytes) {
    return allocate(bytes);
}

void __wrap_free(void* place) {
    deallocate(place);
}

int __wrap_mprotect(void* place, std::size_t bytes, int protection) {
    if (protection != PROT_NONE && !may_allocate()) {
        errno = ENOMEM;
        return -1;
    }
    return __real_mprotect(place, bytes, protection);
}

void* operator new(std::size_t bytes) {
    void* place = allocate(bytes);
    if (place == nullptr) {
        throw std::bad_alloc();
    }
    return place;
}

void* operator new(std::size_t bytes, const std::nothrow_t& /*tag*/) noexcept {
    return allocate(bytes);
}

void operator delete(void* place) noexcept {
    deallocate(place);
}

void operator delete(void* place, std::size_t /*bytes*/) noexcept {
    deallocate(place);
}

void operator delete(void* place, const std::nothrow_t& /*tag*/) noexcept {
    deallocate(place);
}
