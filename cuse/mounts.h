// SPDX-License-Identifier: MIT
//
// Finds out what is mounted where without asking its server, which may be stopped and not
// answer. A mount is identified by its number, since others may change its path.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "descriptor.h"

namespace ipcdev {

// As in /proc/PID/mountinfo, see proc(5).
inline constexpr const char* mount_type = "fuse.ipcdevd";

struct Mount {
    int id = -1;
    std::string type;          // as mount_type
    std::optional<uid_t> user; // FUSE: who mounted it
};

// The mount with that number.
[[nodiscard]] std::optional<Mount> find_mount(int id);

// What a name in a folder refers to, opened with O_PATH, which asks no server and pins it.
// Don't keep an Entry: an unmount would find the mount in use.
class Entry {
  public:
    Entry(int folder, const std::string& name); // throws CannotServe without /proc

    [[nodiscard]] bool exists() const { return fd_.is_open(); }
    [[nodiscard]] int error() const { return error_; } // the errno if it does not
    [[nodiscard]] int fd() const { return fd_.get(); }
    // The topmost mount on it; none if it is a file of the folder's own file system.
    [[nodiscard]] const std::optional<Mount>& mount() const { return mount_; }
    [[nodiscard]] bool is_ours() const { return mount_ && mount_->type == mount_type; }

  private:
    bool look(int folder, const std::string& name);

    Descriptor fd_;
    int error_ = 0;
    std::optional<Mount> mount_;
};

} // namespace ipcdev
