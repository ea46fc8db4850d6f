// SPDX-License-Identifier: MIT
//
// What is mounted, as this process sees it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ipcdev::test {

struct Mount {
    std::filesystem::path path;
    std::string type;
};

// In the order in which they were made. Paths with a space, tab, newline or
// backslash show as /proc/self/mountinfo escapes them.
[[nodiscard]] std::vector<Mount> mounts();

[[nodiscard]] bool is_mount_point(const std::filesystem::path& path);

// Takes off the topmost mount there, even if it is in use or nobody serves it.
// An ordinary user's by fusermount3; of a link, that in which the file is.
void unmount(const std::filesystem::path& path);

} // namespace ipcdev::test
