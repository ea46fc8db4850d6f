// SPDX-License-Identifier: MIT
//
// fusermount3(1), which is setuid root, mounts and unmounts for ordinary users.
//
// libfuse's fuse_open_channel() would do as well, but for three things: where fusermount3
// is killed, by a ^C for one, it tries again without the subtype, and then nobody knows the
// mount for an ipcdevd's; it can't be told to leave the ^C to us; and it leaks.
#pragma once

#include <string>

#include "descriptor.h"

namespace ipcdev {

// Mounts on the folder with these options of mount(8), and returns the connection. Not open if it
// could not; then fusermount3, if it is there, has said why on stderr. No signal of the terminal
// reaches it, and it has the descriptor `kept` open until it has ended.
[[nodiscard]] Descriptor mount_by_fusermount(const std::string& folder, const std::string& options,
                                             const Descriptor& kept);

// Takes the topmost mount off it, lazily and without a word.
void unmount_by_fusermount(const std::string& folder);

} // namespace ipcdev
