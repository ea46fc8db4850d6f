// SPDX-License-Identifier: MIT
//
// futex(2) on a word in memory that processes share.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>

#include "interruption.h"

namespace ipcdev::bench {

using FutexWord = std::atomic<std::uint32_t>;
static_assert(sizeof(FutexWord) == sizeof(std::uint32_t));

// Sleeps while the word is `value`; may return early. Throws as interruption::check.
inline void futex_wait(const FutexWord& word, std::uint32_t value) {
    if (syscall(SYS_futex, &word, FUTEX_WAIT, value, nullptr, nullptr, 0) == -1 &&
        errno != EAGAIN) {
        interruption::retry_or_throw("futex");
    }
}

inline void futex_wake_all(const FutexWord& word) {
    syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

} // namespace ipcdev::bench
