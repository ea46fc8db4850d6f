// SPDX-License-Identifier: MIT
//
// A folder of this user's in $TMPDIR or /tmp, which goes with what is in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "support/errors.h"

namespace ipcdev::bench {

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = std::filesystem::temp_directory_path() / "ipcdev-bench-XXXXXX";
        if (mkdtemp(name.data()) == nullptr) {
            test::throw_errno(name);
        }
        path_ = name;
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored; // there is nobody to tell, and nothing to do about it
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

} // namespace ipcdev::bench
