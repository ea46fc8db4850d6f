// SPDX-License-Identifier: MIT
//
// Memory that fails when told: malloc of the code under test, every operator new, and
// mprotect, by which an arena grows. The linker puts it between (--wrap=malloc,
// --wrap=free, --wrap=mprotect).
#pragma once

#include <cstddef>

namespace ipcdev::daemon_tests {

// While it lives, allocations fail but for the first `before`.
class NoMemory {
  public:
    explicit NoMemory(std::size_t before = 0);
    NoMemory(const NoMemory&) = delete;
    NoMemory& operator=(const NoMemory&) = delete;
    ~NoMemory();
};

// Allocations made, in all.
[[nodiscard]] std::size_t allocations();

} // namespace ipcdev::daemon_tests
