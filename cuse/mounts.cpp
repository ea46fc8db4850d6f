// SPDX-License-Identifier: MIT
#include "mounts.h"

#include <fcntl.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>

#include "session.h"

namespace ipcdev {

namespace {

constexpr int most_looks = 10;

// The number of the mount that the open file is in.
int mount_id(int fd) {
    std::ifstream lines("/proc/self/fdinfo/" + std::to_string(fd));
    for (std::string name; lines >> name;) {
        if (int id = -1; name == "mnt_id:" && lines >> id) {
            return id;
        }
    }
    return -1;
}

// user_id=1000 among rw,user_id=1000,group_id=1000
std::optional<uid_t> user_of(const std::string& options) {
    const std::string key = "user_id=";
    const auto at = options.find(key);
    uid_t user = 0;
    if (at == std::string::npos ||
        std::from_chars(options.data() + at + key.size(), options.data() + options.size(), user)
                .ec != std::errc{}) {
        return {};
    }
    return user;
}

} // namespace

std::optional<Mount> find_mount(int id) {
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream fields(line);
        Mount found;
        if (!(fields >> found.id) || found.id != id) {
            continue;
        }
        std::string field;
        while (fields >> field && field != "-") {
        }
        std::string source;
        std::string options;
        fields >> found.type >> source >> options;
        found.user = user_of(options);
        return found;
    }
    return {};
}

Entry::Entry(int folder, const std::string& name) {
    // Tries again if it was unmounted meanwhile, but not for ever: in a chroot the mount may
    // be outside and is never found.
    for (int looks = 0; looks < most_looks && !look(folder, name); ++looks) {
    }
}

// False if what was mounted there is gone.
bool Entry::look(int folder, const std::string& name) {
    fd_ = Descriptor(openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    error_ = fd_.is_open() ? 0 : errno;
    mount_.reset();
    if (!fd_.is_open()) {
        return true;
    }
    const int id = mount_id(fd_.get());
    if (id == -1) {
        throw CannotServe("can't find out what is mounted: there is no /proc");
    }
    if (id == mount_id(folder)) {
        return true;
    }
    mount_ = find_mount(id);
    if (!mount_) {
        mount_ = Mount{.id = id, .type = "", .user = {}};
        return false;
    }
    return true;
}

} // namespace ipcdev
