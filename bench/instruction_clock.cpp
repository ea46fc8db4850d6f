// SPDX-License-Identifier: MIT
#include "instruction_clock.h"

#include <cmath>
#include <cstdint>

#include "crew.h"

namespace ipcdev::bench {

namespace {

constexpr std::uint64_t turns = 1'000'000;
constexpr double instructions_a_turn = 2;
constexpr double tolerance = 0.05; // the kernel's timer ticks meanwhile
constexpr int tries = 3;

double elapsed_per_turn() {
    std::uint64_t left = turns;
    const std::uint64_t began = now_ns();
#if defined(__x86_64__)
    asm volatile("1: dec %0\n jnz 1b" : "+r"(left) : : "cc");
#else
    return 0; // nobody has counted this processor's
#endif
    return static_cast<double>(now_ns() - began) / static_cast<double>(turns);
}

} // namespace

bool clock_counts_instructions() {
    for (int i = 0; i < tries; ++i) {
        if (std::abs(elapsed_per_turn() - instructions_a_turn) > tolerance) {
            return false;
        }
    }
    return true;
}

} // namespace ipcdev::bench
