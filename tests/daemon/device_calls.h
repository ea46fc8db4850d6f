// SPDX-License-Identifier: MIT
//
// What a program does with the device. Calls that may park belong in a Process.
#pragma once

#include <fcntl.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "support/process.h"
#include "uapi/ipcdev.h"

namespace ipcdev::daemon_tests {

using namespace test; // what starts, awaits and ends processes

// Throws if the device can't be opened.
[[nodiscard]] Descriptor open_device(const std::filesystem::path& path,
                                     int flags = O_RDWR | O_NONBLOCK);

[[nodiscard]] ipcdev_info info(const Descriptor& device);
[[nodiscard]] ipcdev_stats stats(const Descriptor& device);

// 0, or the errno of the call.
[[nodiscard]] int configure(const Descriptor& device, const ipcdev_configure& wanted);
[[nodiscard]] int write_all(const Descriptor& device, std::string_view message);

// One read: what came, or throws with its errno.
[[nodiscard]] std::string read_some(const Descriptor& device, std::size_t count = 65536);

// 0 or the errno of open, write or read in a process of its own.
[[nodiscard]] int try_open(const std::filesystem::path& path, int flags = O_RDWR);

// A process that opens the device and reads once; exits with 0 or the errno.
[[nodiscard]] Process reader(const std::filesystem::path& path);
// The same with a write.
[[nodiscard]] Process writer(const std::filesystem::path& path, const std::string& message);

void wait_for_parked_readers(const Descriptor& device, unsigned readers);
void wait_for_parked_writers(const Descriptor& device, unsigned writers);

// A message that passes from this process to itself, and back to the caller.
[[nodiscard]] bool passes_messages(const std::filesystem::path& path);

} // namespace ipcdev::daemon_tests
