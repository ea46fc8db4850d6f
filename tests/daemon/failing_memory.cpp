// SPDX-License-Identifier: MIT
#include "failing_memory.h"

#include <cstdlib>
#include <limits>
#include <new>

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
extern "C" void* __real_malloc(std::size_t bytes);
extern "C" void __real_free(void* place);
extern "C" void* __wrap_malloc(std::size_t bytes);
extern "C" void __wrap_free(void* place);
// NOLINTEND(bugprone-reserved-identifier)

namespace ipcdev::daemon_tests {

namespace {

constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

std::size_t to_succeed = all;
std::ptrdiff_t live = 0;
std::size_t made = 0;

void* allocate(std::size_t bytes) {
    if (to_succeed == 0) {
        return nullptr;
    }
    to_succeed -= to_succeed == all ? 0 : 1;
    ++live;
    ++made;
    return __real_malloc(bytes == 0 ? 1 : bytes);
}

void deallocate(void* place) {
    live -= place == nullptr ? 0 : 1;
    __real_free(place);
}

} // namespace

NoMemory::NoMemory(std::size_t before) {
    to_succeed = before;
}

NoMemory::~NoMemory() {
    to_succeed = all;
}

std::ptrdiff_t live_allocations() {
    return live;
}

std::size_t allocations() {
    return made;
}

} // namespace ipcdev::daemon_tests

using ipcdev::daemon_tests::allocate;
using ipcdev::daemon_tests::deallocate;

void* __wrap_malloc(std::size_t bytes) {
    return allocate(bytes);
}

void __wrap_free(void* place) {
    deallocate(place);
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
