// SPDX-License-Identifier: MIT
#include "folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "session.h"

namespace ipcdev {

namespace {

constexpr int folder_flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// Does this user namespace map that user? See user_namespaces(7).
bool is_mapped(uid_t user) {
    std::ifstream map("/proc/self/uid_map");
    unsigned long first = 0;
    unsigned long outside = 0;
    unsigned long count = 0;
    while (map >> first >> outside >> count) {
        if (user >= first && user - first < count) {
            return true;
        }
    }
    return false;
}

// Root, or in a user namespace the unmapped owner that / may have: no process in the
// namespace can be that user.
bool is_trusted(uid_t owner) {
    if (owner == 0) {
        return true;
    }
    uid_t outsider = 0; // stands for all unmapped users
    std::ifstream("/proc/sys/kernel/overflowuid") >> outsider;
    return owner == outsider && !is_mapped(owner);
}

[[noreturn]] void refuse(const std::filesystem::path& folder, const std::string& why) {
    throw CannotServe(folder.string() + " " + why +
                      ", who could replace what root serves there. Give a --path in folders that "
                      "only root may write, or serve it as another user");
}

// In a sticky folder such as /tmp nobody else can remove or rename root's files.
void check(const std::filesystem::path& path, const Descriptor& folder) {
    struct stat status {};
    if (fstat(folder.get(), &status) == -1) {
        throw CannotServe("can't look at " + path.string() + ": " + std::strerror(errno));
    }
    if (!is_trusted(status.st_uid)) {
        refuse(path, "belongs to user " + std::to_string(status.st_uid));
    }
    const bool by_others = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
    if (by_others && (status.st_mode & S_ISVTX) == 0) {
        refuse(path, "may be written by others");
    }
}

Descriptor step(const Descriptor& from, const std::filesystem::path& component) {
    Descriptor next(openat(from.get(), component.c_str(), folder_flags));
    if (!next.is_open()) {
        throw CannotServe("the folder " + component.string() +
                          " can't be used: " + std::strerror(errno));
    }
    return next;
}

} // namespace

Folder::Folder(const std::filesystem::path& path) {
    std::error_code error;
    const auto absolute = std::filesystem::absolute(path);
    const auto folder = std::filesystem::canonical(absolute.parent_path(), error);
    if (error) {
        throw CannotServe("the folder " + absolute.parent_path().string() +
                          " can't be used: " + error.message());
    }
    name_ = absolute.filename();
    path_ = folder / name_;
    if (geteuid() != 0) {
        fd_ = step({}, folder);
        return;
    }
    std::filesystem::path walked = "/";
    fd_ = step({}, walked);
    check(walked, fd_);
    for (const auto& component : folder.relative_path()) {
        walked /= component;
        fd_ = step(fd_, component);
        check(walked, fd_);
    }
}

std::filesystem::path present_path(int fd) {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error);
}

} // namespace ipcdev
