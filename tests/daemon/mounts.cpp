// SPDX-License-Identifier: MIT
#include "mounts.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace ipcdev::daemon_tests {

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

} // namespace ipcdev::daemon_tests
