// SPDX-License-Identifier: MIT
#include "occupant.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>

#include "session.h"

namespace ipcdev {

namespace {

// /proc/self/mountinfo writes space, tab, newline and backslash as \ooo.
std::string unescape(const std::string& field) {
    std::string out;
    for (std::size_t i = 0; i < field.size(); ++i) {
        unsigned code = 0;
        if (field[i] == '\\' && i + 3 < field.size() &&
            std::from_chars(&field[i + 1], &field[i + 4], code, 8).ec == std::errc{}) {
            out += static_cast<char>(code);
            i += 3;
        } else {
            out += field[i];
        }
    }
    return out;
}

// The type of the topmost file system mounted on the path; empty: none.
// See proc(5), /proc/PID/mountinfo.
std::string mounted_type(const std::filesystem::path& path) {
    std::ifstream mounts("/proc/self/mountinfo");
    std::string found;
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream fields(line);
        std::string ignored;
        std::string target;
        fields >> ignored >> ignored >> ignored >> ignored >> target;
        if (unescape(target) != path) {
            continue;
        }
        while (fields >> ignored && ignored != "-") {
        }
        fields >> found; // a later line is mounted on top of an earlier one
    }
    return found;
}

const char* kind(const struct stat& file) {
    switch (file.st_mode & S_IFMT) {
    case S_IFDIR:
        return "a folder";
    case S_IFLNK:
        return "a symbolic link";
    case S_IFIFO:
        return "a named pipe";
    case S_IFSOCK:
        return "a socket";
    default:
        return "a block device";
    }
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& rest) {
    throw CannotServe(path.string() + " " + rest);
}

} // namespace

MountState mount_state(const std::filesystem::path& path) {
    const std::string type = mounted_type(path);
    if (type.empty()) {
        return MountState::none;
    }
    if (type != "fuse.ipcdevd") {
        return MountState::foreign;
    }
    struct stat file {};
    const bool dead = stat(path.c_str(), &file) == -1 && errno == ENOTCONN;
    return dead ? MountState::stale : MountState::alive;
}

bool is_placeholder(const struct stat& file) {
    return S_ISREG(file.st_mode) && (file.st_mode & 07777U) == placeholder_permissions &&
           file.st_size == 0 && file.st_nlink == 1 && file.st_uid == geteuid();
}

void refuse_mount(const std::filesystem::path& path, MountState state) {
    switch (state) {
    case MountState::none:
        break;
    case MountState::alive:
        refuse(path, "is served already, as a FUSE file. Stop that ipcdevd, or choose another "
                     "--name or --path");
    case MountState::stale:
        refuse(path, "is the stale mount of an ipcdevd that was killed. Run 'umount " +
                         path.string() + "' as root, then start again");
    case MountState::foreign:
        refuse(path, "is a mount point of something else. Choose another --name or --path");
    }
}

void refuse_if_occupied(const std::filesystem::path& path) {
    refuse_mount(path, mount_state(path));

    struct stat file {};
    if (lstat(path.c_str(), &file) == -1) {
        if (errno == ENOENT) {
            return;
        }
        refuse(path, std::string("can't be looked at: ") + std::strerror(errno));
    }
    if (S_ISCHR(file.st_mode)) {
        refuse(path, "is a character device: it is served already, by CUSE or by a kernel module. "
                     "Stop that server, or choose another --name");
    }
    if (is_placeholder(file)) {
        refuse(path, "is the empty file on which an ipcdevd that was killed had mounted. Run 'rm " +
                         path.string() + "', then start again");
    }
    if (S_ISREG(file.st_mode)) {
        refuse(path, "is a regular file of " + std::to_string(file.st_size) +
                         " bytes, as a shell makes it when something is written before the device "
                         "is served. Look at it, remove it with 'rm " +
                         path.string() + "', then start again; or choose another --name or --path");
    }
    refuse(path, std::string("is ") + kind(file) +
                     ", which no ipcdevd has made. Choose another --name or --path");
}

} // namespace ipcdev
