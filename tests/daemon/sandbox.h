// SPDX-License-Identifier: MIT
//
// Root runs the tests in a mount and a pid namespace of their own, so that
// whatever a test leaves behind is gone at the end, however the end comes:
//
//     ipcdev-daemon-tests    waits, then removes the scratch folder
//       init                 reaps; when it ends the kernel kills all the others
//         the tests          with their own /proc, and a tmpfs as scratch folder
//
// An ordinary user can't make namespaces; the tests then run as they are.
#pragma once

#include <filesystem>
#include <functional>

namespace ipcdev::daemon_tests {

// Returns what `tests` returns.
int run_in_sandbox(const std::function<int()>& tests);

// A folder for the tests' files, which anybody may enter.
[[nodiscard]] const std::filesystem::path& scratch();

// True in namespaces of our own: mounts can be made and covered freely.
[[nodiscard]] bool in_sandbox();

} // namespace ipcdev::daemon_tests
