// SPDX-License-Identifier: MIT
//
// The empty file that the FUSE file is mounted on: made, locked, recognised
// after a crash, removed. Nobody else's file is ever touched.
#pragma once

#include <filesystem>
#include <string>

namespace ipcdev {

class MountPoint {
  public:
    // Makes the file, or takes over the one that a killed ipcdevd of this user
    // left, with its stale mount taken off. Throws CannotServe.
    explicit MountPoint(const std::filesystem::path& path);
    MountPoint(const MountPoint&) = delete;
    MountPoint& operator=(const MountPoint&) = delete;
    ~MountPoint();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    // After the unmount. Leaves whatever else may stand there by now.
    void remove();

  private:
    std::filesystem::path path_; // absolute, its folder without symbolic links
    int fd_ = -1;                // holds the lock that says: in use
};

// Why libfuse could not mount on the path: a sentence.
[[nodiscard]] std::string why_no_mount(const std::filesystem::path& path);

} // namespace ipcdev
