// SPDX-License-Identifier: MIT
#include "support/mounts.h"

#include <sys/mount.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <system_error>

#include "support/program.h"

namespace ipcdev::test {

std::vector<Mount> mounts() {
    std::vector<Mount> all;
    std::ifstream file("/proc/self/mountinfo");
    for (std::string line; std::getline(file, line);) {
        std::istringstream fields(line);
        std::string field;
        Mount mount;
        fields >> field >> field >> field >> field >> mount.path;
        while (fields >> field && field != "-") {
        }
        fields >> mount.type;
        all.push_back(mount);
    }
    return all;
}

bool is_mount_point(const std::filesystem::path& path) {
    const auto all = mounts();
    return std::ranges::any_of(all, [&](const Mount& mount) { return mount.path == path; });
}

void unmount(const std::filesystem::path& path) {
    std::error_code gone; // nobody serves it: then it is no link
    if (std::filesystem::is_symlink(path, gone)) {
        return unmount((path.parent_path() / std::filesystem::read_symlink(path)).parent_path());
    }
    if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == -1) {
        Program({.arguments = {"fusermount3", "-uqz", path}}).wait();
    }
}

} // namespace ipcdev::test
