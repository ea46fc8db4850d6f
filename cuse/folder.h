// SPDX-License-Identifier: MIT
//
// The folder in which the device is served, opened once: what is done at the path
// is done by this descriptor and a name, so that it happens in this folder whatever
// the folder is called by then and whatever else has got its name.
#pragma once

#include <filesystem>
#include <string>

#include "descriptor.h"

namespace ipcdev {

class Folder {
  public:
    // Of the file `path`. Throws CannotServe if there is none, and, for root, if
    // anybody else could put another folder in the place of one on the way, or
    // another file in the place of the device: then root would serve, and clean up,
    // where somebody else wants it.
    explicit Folder(const std::filesystem::path& path);

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] const std::string& name() const { return name_; } // of the device, in it
    // The device's path at the start: absolute, its folder without symbolic links.
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
    std::string name_;
    Descriptor fd_; // O_PATH
};

// What a folder that was opened is called now.
[[nodiscard]] std::filesystem::path present_path(int fd);

} // namespace ipcdev
