// SPDX-License-Identifier: MIT
//
// The folder in which the device is served, opened once. Everything at the path is done
// relative to this descriptor, so it happens in this folder even if the folder is renamed
// or another one takes its name.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "descriptor.h"

namespace ipcdev {

class Folder {
  public:
    // Opens the folder of the file `path`. Throws CannotServe if there is none. For root it
    // also does if another user could replace a folder on the way, or the device: root
    // would then serve, and clean up, where that user wants it to.
    explicit Folder(const std::filesystem::path& path);
    // With that absolute path, open already.
    Folder(const std::filesystem::path& path, Descriptor fd)
        : path_(path), name_(path.filename()), fd_(std::move(fd)) {}

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] const std::string& name() const { return name_; } // of the device, in it
    // The device's path at the start: absolute, its folder without symbolic links.
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
    std::string name_;
    Descriptor fd_; // O_PATH
};

// The present path of an open folder.
[[nodiscard]] std::filesystem::path present_path(int fd);

} // namespace ipcdev
