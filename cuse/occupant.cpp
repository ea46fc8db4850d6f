// SPDX-License-Identifier: MIT
#include "occupant.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "serving_lock.h"
#include "session.h"

namespace ipcdev {

namespace {

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

[[noreturn]] void refuse(const Folder& folder, const std::string& rest) {
    throw CannotServe(folder.path().string() + " " + rest);
}

[[noreturn]] void refuse_mount(const Folder& folder, const Mount& mount) {
    if (mount.type != mount_type) {
        refuse(folder, "is a mount point of something else. Choose another --name or --path");
    }
    const uid_t user = mount.user.value_or(0);
    if (user != geteuid()) {
        refuse(folder, "is served by an ipcdevd of user " + std::to_string(user) +
                           ", or was until it was killed: then run 'umount " +
                           folder.path().string() +
                           "' as root, and start again. Else stop it, or choose another --name or "
                           "--path");
    }
    if (server_of(folder)) {
        refuse(folder, "is served already, as a FUSE file. Stop that ipcdevd, or choose another "
                       "--name or --path");
    }
    refuse(folder, "is the stale mount of an ipcdevd that was killed. Run 'umount " +
                       folder.path().string() + "', then start again");
}

} // namespace

bool is_placeholder(const Entry& entry) {
    struct stat file {};
    return entry.exists() && !entry.mount() && fstat(entry.fd(), &file) == 0 &&
           S_ISSOCK(file.st_mode) && (file.st_mode & 07777U) == 0 && file.st_nlink == 1 &&
           file.st_uid == geteuid();
}

bool is_link_to(const Folder& folder, const std::string& target) {
    std::array<char, PATH_MAX> found{};
    const ssize_t length =
        readlinkat(folder.fd(), folder.name().c_str(), found.data(), found.size());
    return length != -1 && target == std::string(found.data(), static_cast<std::size_t>(length));
}

void refuse_if_occupied(const Folder& folder) {
    const Entry entry(folder.fd(), folder.name());
    if (!entry.exists() && entry.error() == ENOENT) {
        return;
    }
    if (entry.mount()) {
        refuse_mount(folder, *entry.mount());
    }
    struct stat file {};
    if (!entry.exists() || fstat(entry.fd(), &file) == -1) {
        refuse(folder, std::string("can't be looked at: ") + std::strerror(errno));
    }
    const std::string path = folder.path();
    if (S_ISCHR(file.st_mode)) {
        refuse(folder, "is a character device: it is served already, by CUSE or by a kernel "
                       "module. Stop that server, or choose another --name");
    }
    if (is_placeholder(entry)) {
        refuse(folder, "is the socket that a killed ipcdevd had mounted on. Run 'rm " + path +
                           "', then start again");
    }
    if (S_ISREG(file.st_mode)) {
        refuse(folder, "is a regular file of " + std::to_string(file.st_size) +
                           " bytes, as a shell makes it when something is written before the "
                           "device is served. Look at it, remove it with 'rm " +
                           path + "', then start again; or choose another --name or --path");
    }
    refuse(folder, std::string("is ") + kind(file) +
                       ", which no ipcdevd has made. Choose another --name or --path");
}

} // namespace ipcdev
