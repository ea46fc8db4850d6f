// SPDX-License-Identifier: MIT
//
// What stands where the device is to be served, and what the user should do
// about it. Looks only; removes nothing.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string>

namespace ipcdev {

enum class MountState {
    none,
    alive,   // an ipcdevd serves it
    stale,   // an ipcdevd served it and was killed
    foreign, // something else is mounted there
};

// The topmost mount on exactly this path.
[[nodiscard]] MountState mount_state(const std::filesystem::path& path);

// The empty file an ipcdevd of this user makes to mount on: recognised by what
// nobody else makes, write-only for its owner, empty, with one link.
inline constexpr mode_t placeholder_permissions = 0200;
[[nodiscard]] bool is_placeholder(const struct stat& file);

// Throws CannotServe with a sentence for the mount, unless there is none.
void refuse_mount(const std::filesystem::path& path, MountState state);

// Throws CannotServe with a sentence for whatever is at the path, if anything.
void refuse_if_occupied(const std::filesystem::path& path);

} // namespace ipcdev
