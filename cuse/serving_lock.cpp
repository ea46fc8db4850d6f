// SPDX-License-Identifier: MIT
#include "serving_lock.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "occupant.h"
#include "session.h"
#include "stop_signal.h"

namespace ipcdev {

namespace {

constexpr const char* file_name = "lock";
constexpr off_t byte_of_server = 0;
constexpr off_t byte_of_place = 1;
constexpr mode_t hidden_permissions = 0700;
constexpr mode_t file_permissions = 0600;

// An unmounter needs milliseconds.
constexpr std::chrono::seconds patience{10};
constexpr std::chrono::milliseconds between_looks{1};

struct flock one_byte(off_t which) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = which;
    lock.l_len = 1;
    return lock;
}

bool is_held(int error) {
    return error == EAGAIN || error == EACCES;
}

std::string hidden_name_of(const Folder& folder) {
    return "." + folder.name() + ".ipcdevd";
}

// The process that holds the lock on byte 0 of the open file.
std::optional<pid_t> holder(int file) {
    struct flock lock = one_byte(byte_of_server);
    if (fcntl(file, F_GETLK, &lock) == -1 || lock.l_type == F_UNLCK) {
        return {};
    }
    return lock.l_pid > 0 ? lock.l_pid : 0; // 0: it is in another pid namespace
}

bool was_removed(int file) {
    struct stat status {};
    return fstat(file, &status) == -1 || status.st_nlink == 0;
}

} // namespace

ServingLock::ServingLock(const Folder& folder)
    : folder_(folder), hidden_name_(hidden_name_of(folder)) {
    // A server that ends at this moment removes what was just opened: then start over.
    while (!open_hidden() || !open_file() || !lock()) {
        file_.close();
    }
}

ServingLock::ServingLock(const Folder& folder, Descriptor hidden, Descriptor file)
    : folder_(folder), hidden_name_(hidden_name_of(folder)), hidden_(std::move(hidden)),
      file_(std::move(file)), is_ours_(false) {}

ServingLock::~ServingLock() {
    if (is_ours_ && file_.is_open() && !was_removed(file_.get())) {
        remove();
    }
}

void ServingLock::remove() const {
    unlinkat(hidden_.get(), file_name, 0);
    unlinkat(folder_.fd(), hidden_name_.c_str(), AT_REMOVEDIR);
}

// False if the folder is gone.
bool ServingLock::open_hidden() {
    const std::string path = folder_.path().parent_path() / hidden_name_;
    if (mkdirat(folder_.fd(), hidden_name_.c_str(), hidden_permissions) == -1 && errno != EEXIST) {
        const int error = errno;
        refuse_if_occupied(folder_); // its message says more
        throw CannotServe("can't make " + folder_.path().string() + ": " + std::strerror(error) +
                          ". Give a --path in a folder of yours, or run as root");
    }
    hidden_ = Descriptor(
        openat(folder_.fd(), hidden_name_.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!hidden_.is_open() || fstat(hidden_.get(), &status) == -1) {
        if (errno == ENOENT) {
            return false;
        }
        throw CannotServe(path + " is not the folder that an ipcdevd makes there for itself. "
                                 "Remove it, or choose another --name or --path");
    }
    if (status.st_uid != geteuid()) {
        throw CannotServe(folder_.path().string() + " is served by an ipcdevd of user " +
                          std::to_string(status.st_uid) + ", or was until it was killed: " + path +
                          " is that user's. Stop it as that user and remove that folder, or choose "
                          "another --name or --path");
    }
    if ((status.st_mode & 0777U) != hidden_permissions) {
        throw CannotServe(path + " is open to others. Remove it, then start again");
    }
    return true;
}

// False if the folder is gone.
bool ServingLock::open_file() {
    file_ = Descriptor(openat(hidden_.get(), file_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                              file_permissions));
    if (!file_.is_open() && errno != ENOENT) {
        throw CannotServe("can't make a file in " +
                          (folder_.path().parent_path() / hidden_name_).string() + ": " +
                          std::strerror(errno));
    }
    return file_.is_open();
}

// False if the locked file is gone.
bool ServingLock::lock() {
    struct flock server = one_byte(byte_of_server);
    if (fcntl(file_.get(), F_SETLK, &server) == -1) {
        if (is_held(errno)) {
            refuse_as_served();
        }
        throw CannotServe("can't lock " + (folder_.path().parent_path() / hidden_name_).string() +
                          "/" + file_name + ": " + std::strerror(errno));
    }
    return lock_the_place() && !was_removed(file_.get());
}

// No server is left, but an unmounter may still be at work. False if the file is gone.
bool ServingLock::lock_the_place() {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    struct flock place = one_byte(byte_of_place);
    while (fcntl(file_.get(), F_OFD_SETLK, &place) == -1) {
        if (!is_held(errno)) {
            throw CannotServe("can't lock " + folder_.path().string() + ": " +
                              std::strerror(errno));
        }
        if (was_removed(file_.get())) {
            return false;
        }
        if (stop_requested() != 0) {
            throw Stopped();
        }
        if (std::chrono::steady_clock::now() > deadline) {
            throw CannotServe("the ipcdevd that served " + folder_.path().string() +
                              " is gone, but the process that unmounts it is not. End that by "
                              "'pkill -9 ipcdevd-unmount', then start again");
        }
        std::this_thread::sleep_for(between_looks);
    }
    return true;
}

void ServingLock::refuse_as_served() const {
    if (const Entry there(folder_.fd(), folder_.name()); there.mount() && !there.is_ours()) {
        refuse_if_occupied(folder_); // something else is mounted on top
    }
    const pid_t server = holder(file_.get()).value_or(0);
    throw CannotServe(folder_.path().string() + " is served already, as a FUSE file" +
                      (server != 0 ? ", by process " + std::to_string(server) : "") +
                      ". Stop that ipcdevd, or choose another --name or --path");
}

std::optional<pid_t> server_of(const Folder& folder) {
    const Descriptor hidden(openat(folder.fd(), hidden_name_of(folder).c_str(),
                                   O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    const Descriptor file(openat(hidden.get(), file_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    return file.is_open() ? holder(file.get()) : std::nullopt;
}

} // namespace ipcdev
