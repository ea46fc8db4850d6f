// SPDX-License-Identifier: MIT
//
// Memory that fails when told: malloc of the code under test and every operator
// new. The linker puts it between (--wrap=malloc, --wrap=free).
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

// Allocations made and not freed, and made in all.
[[nodiscard]] std::ptrdiff_t live_allocations();
[[nodiscard]] std::size_t allocations();

} // namespace ipcdev::daemon_tests
