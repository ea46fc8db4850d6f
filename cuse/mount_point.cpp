// SPDX-License-Identifier: MIT
#include "mount_point.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <spdlog/spdlog.h>

#include "occupant.h"
#include "session.h"

namespace ipcdev {

namespace {

// As mountinfo will name it.
std::filesystem::path resolved(const std::filesystem::path& path) {
    std::error_code error;
    const auto absolute = std::filesystem::absolute(path);
    const auto folder = std::filesystem::canonical(absolute.parent_path(), error);
    if (error) {
        throw CannotServe("the folder " + absolute.parent_path().string() +
                          " can't be used: " + error.message());
    }
    return folder / absolute.filename();
}

void unmount_stale(const std::filesystem::path& path) {
    if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == -1) {
        std::string program = "fusermount3";
        std::string options = "-uqz";
        std::string target = path.string();
        std::array<char*, 4> arguments{program.data(), options.data(), target.data(), nullptr};
        pid_t child = -1;
        if (posix_spawnp(&child, program.c_str(), nullptr, nullptr, arguments.data(), environ) ==
            0) {
            while (waitpid(child, nullptr, 0) == -1 && errno == EINTR) {
            }
        }
    }
}

// Makes the file, or opens the one that is left of a killed ipcdevd. Another one
// that ends at this moment may take it away in between: then it is made after all.
int open_placeholder(const std::filesystem::path& path) {
    constexpr int flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
    constexpr int attempts = 3;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        int fd = ::open(path.c_str(), flags | O_CREAT | O_EXCL, placeholder_permissions);
        if (fd != -1) {
            fchmod(fd, placeholder_permissions); // whatever the umask
            return fd;
        }
        if (errno != EEXIST) {
            throw CannotServe("can't make " + path.string() + ": " + std::strerror(errno) +
                              ". Give a --path in a folder of yours, or run as root");
        }
        struct stat file {};
        if (lstat(path.c_str(), &file) == 0 && !is_placeholder(file)) {
            refuse_if_occupied(path);
        }
        fd = ::open(path.c_str(), flags);
        if (fd != -1) {
            return fd;
        }
    }
    throw CannotServe(path.string() + " is being changed by someone else; try again");
}

// The path still names the file that is open.
bool same_file(const std::filesystem::path& path, int fd) {
    struct stat named {};
    struct stat opened {};
    return lstat(path.c_str(), &named) == 0 && fstat(fd, &opened) == 0 &&
           named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

// Another ipcdevd may have mounted on the path before it was opened here.
bool is_open_placeholder(int fd) {
    struct stat opened {};
    return fstat(fd, &opened) == 0 && is_placeholder(opened);
}

} // namespace

MountPoint::MountPoint(const std::filesystem::path& path) : path_(resolved(path)) {
    if (mount_state(path_) == MountState::stale) {
        unmount_stale(path_);
        if (mount_state(path_) != MountState::stale) {
            spdlog::info("took off the stale mount that a killed ipcdevd left on {}",
                         path_.string());
        }
    }
    refuse_mount(path_, mount_state(path_));
    fd_ = open_placeholder(path_);
    if (flock(fd_, LOCK_EX | LOCK_NB) == -1 || !is_open_placeholder(fd_) ||
        !same_file(path_, fd_)) {
        ::close(fd_);
        throw CannotServe(path_.string() +
                          " is being served by another ipcdevd that started at the same time");
    }
}

MountPoint::~MountPoint() {
    remove();
}

void MountPoint::remove() {
    if (fd_ == -1) {
        return;
    }
    if (mount_state(path_) == MountState::stale) {
        unmount_stale(path_); // libfuse leaves a mount whose connection was aborted
    }
    // Even if somebody wrote into it just before the mount or after: it is ours.
    if (same_file(path_, fd_)) {
        unlink(path_.c_str());
    }
    ::close(fd_);
    fd_ = -1;
}

std::string why_no_mount(const std::filesystem::path& path) {
    if (access("/dev/fuse", F_OK) == -1) {
        return "this kernel has no FUSE: there is no /dev/fuse. Try 'modprobe fuse' as root";
    }
    if (access("/dev/fuse", R_OK | W_OK) == -1) {
        return std::string("/dev/fuse: ") + std::strerror(errno) +
               ". On most systems everybody may open it ('chmod 666 /dev/fuse' as root); or run as "
               "root";
    }
    if (geteuid() == 0) {
        return "the kernel refuses to mount on " + path.string() +
               ": mounting needs CAP_SYS_ADMIN, which a container has only if it is given";
    }
    return "fusermount3 could not mount on " + path.string() +
           ". It comes with the package fuse3, must be setuid root, and can't work in a process "
           "with no_new_privs";
}

} // namespace ipcdev
