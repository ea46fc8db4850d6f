// SPDX-License-Identifier: MIT
//
// Is this a build with AddressSanitizer or ThreadSanitizer? Then the daemon is one
// too, and malloc is the sanitizer's: it keeps what is freed for a while, and may
// end the program where there is no memory.
#pragma once

namespace ipcdev::test {

#ifdef IPCDEV_SANITIZED // by CMake
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

#ifdef IPCDEV_THREAD_SANITIZED
inline constexpr bool thread_sanitized = true;
#else
inline constexpr bool thread_sanitized = false;
#endif

} // namespace ipcdev::test
