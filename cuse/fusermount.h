// SPDX-License-Identifier: MIT
//
// fusermount3(1), which is setuid root, mounts and unmounts for ordinary users.
//
// libfuse's fuse_open_channel() has three flaws for us. If fusermount3 is killed, by a ^C
// for instance, it tries again without the subtype, and the mount can't be recognised as an
// ipcdevd's. It can't keep a ^C from fusermount3. And it leaks.
#pragma once

#include <string>

#include "descriptor.h"

namespace ipcdev {

// Mounts on the folder with these options of mount(8), and returns the connection. On failure
// the descriptor is not open, and fusermount3, if installed, has said why on stderr. Signals from
// the terminal don't reach fusermount3, and it keeps the descriptor `kept` open until it exits.
[[nodiscard]] Descriptor mount_by_fusermount(const std::string& folder, const std::string& options,
                                             const Descriptor& kept);

// Unmounts the topmost mount on it, lazily and silently.
void unmount_by_fusermount(const std::string& folder);

} // namespace ipcdev
