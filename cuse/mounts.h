// SPDX-License-Identifier: MIT
//
// What is mounted where, found out without a question to whoever serves it: one
// that is stopped would not answer. A mount is known by its number and not by its
// path, which others may change.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "descriptor.h"

namespace ipcdev {

// As it shows in /proc/PID/mountinfo, see proc(5).
inline constexpr const char* mount_type = "fuse.ipcdevd";

struct Mount {
    int id = -1;
    std::string type;          // as mount_type
    std::optional<uid_t> user; // of FUSE: whose it is
};

// The mount with that number.
[[nodiscard]] std::optional<Mount> find_mount(int id);

// What a name in a folder is: open with O_PATH, which asks no server and pins what
// it is. Don't keep it: an unmount would find the mount in use.
class Entry {
  public:
    Entry(int folder, const std::string& name); // throws CannotServe without /proc

    [[nodiscard]] bool exists() const { return fd_.is_open(); }
    [[nodiscard]] int error() const { return error_; } // why it does not: an errno
    [[nodiscard]] int fd() const { return fd_.get(); }
    // The topmost mount on it; none: it is a file of the folder's own file system.
    [[nodiscard]] const std::optional<Mount>& mount() const { return mount_; }
    [[nodiscard]] bool is_ours() const { return mount_ && mount_->type == mount_type; }

  private:
    bool look(int folder, const std::string& name);

    Descriptor fd_;
    int error_ = 0;
    std::optional<Mount> mount_;
};

} // namespace ipcdev
