// SPDX-License-Identifier: MIT
#include "failure.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace ipcdev {

namespace {

std::string words_for(int error) {
    return std::generic_category().message(error);
}

std::string kind_of(const std::string& path) {
    struct stat file {};
    if (stat(path.c_str(), &file) == -1) {
        return "no ipcdev device";
    }
    switch (file.st_mode & S_IFMT) {
    case S_IFREG:
        return "a regular file, not an ipcdev device";
    case S_IFDIR:
        return "a directory, not an ipcdev device";
    default:
        return "not an ipcdev device";
    }
}

Failure not_a_device(const std::string& path) {
    return Failure(path + " is " + kind_of(path) + ": is ipcdevd running, and is this its path?");
}

Failure server_died(const std::string& path) {
    return Failure("the ipcdevd that served " + path + " has died or was stopped: start it again");
}

bool is_character_device(const std::string& path) {
    struct stat file {};
    return stat(path.c_str(), &file) == 0 && S_ISCHR(file.st_mode);
}

} // namespace

Failure cannot_open(const std::string& path, int error) {
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return Failure("there is no " + path +
                       ": is ipcdevd running? Start it, or name the device by --device");
    case EACCES:
        if (geteuid() == 0) { // only a FUSE file refuses root
            return Failure(path + " is served by an ordinary user, who alone may use it: run "
                                  "ipcdevctl as that user");
        }
        return Failure("you may not open " + path +
                       ": run ipcdevctl as its owner or as root, or start ipcdevd with --owner, "
                       "--group or --permissions that let you");
    case ENOTCONN:
    case ECONNABORTED:
        return server_died(path);
    case ENXIO: // also from a FIFO or a socket
    case ENODEV:
        return is_character_device(path) ? server_died(path) : not_a_device(path);
    case EISDIR:
        return not_a_device(path);
    default:
        return Failure("can't open " + path + ": " + words_for(error));
    }
}

Failure false_answer(const std::string& path) {
    return Failure(path + " does not answer like an ipcdev device: don't trust it");
}

Failure cannot_do(const std::string& what, const std::string& path, int error) {
    switch (error) {
    case ENOTTY:
    case ENOSYS:
        return not_a_device(path);
    case ENOTCONN:
    case ECONNABORTED:
    case ENODEV:
        return server_died(path);
    case EINVAL:
        return Failure("can't " + what + ": " + path +
                       " is served by another version; use the ipcdevctl that came with it");
    default:
        return Failure("can't " + what + " of " + path + ": " + words_for(error));
    }
}

} // namespace ipcdev
