// SPDX-License-Identifier: MIT
//
// An ordinary user mounts in a private folder, and publishes by a link.
#include "mount_point.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <spdlog/spdlog.h>

#include "fusermount.h"
#include "occupant.h"
#include "session.h"

namespace ipcdev {

namespace {

// The mount point in the folder that others can't enter.
constexpr const char* place = "device";
constexpr mode_t while_mounting = 0700; // as fusermount3 wants it
constexpr mode_t without_mount = 0;     // so a late client can't create anything in it

// default_permissions: the kernel enforces them.
constexpr const char* options =
    "fsname=ipcdev,subtype=ipcdevd,default_permissions,nosuid,nodev,noexec";

class UserMountPoint final : public MountPoint {
  public:
    explicit UserMountPoint(const std::filesystem::path& path);
    UserMountPoint(const std::filesystem::path& path, int mount_id, const Inheritance& inheritance)
        : MountPoint(path, mount_id, inheritance) {}
    [[nodiscard]] std::string name_in_mount() const override { return folder().name(); }
    void publish() override;

  private:
    Descriptor mount() override;
    [[nodiscard]] Entry entry() const override { return {lock().hidden(), place}; }
    [[nodiscard]] bool unmount(const Entry& mounted) const override;
    [[nodiscard]] bool clear() const override;
    [[nodiscard]] std::string target() const {
        return lock().hidden_name() + "/" + place + "/" + folder().name();
    }
};

UserMountPoint::UserMountPoint(const std::filesystem::path& path) : MountPoint(path) {
    const bool stale = entry().is_ours();
    if (clear() && stale) {
        spdlog::info("unmounted the stale mount that a killed ipcdevd left for {}",
                     this->path().string());
    }
    refuse_if_occupied(folder());
}

Descriptor UserMountPoint::mount() {
    refuse_without_fuse();
    const auto full_path = path().parent_path() / lock().hidden_name() / place;
    if ((mkdirat(lock().hidden(), place, while_mounting) == -1 && errno != EEXIST) ||
        fchmodat(lock().hidden(), place, while_mounting, 0) == -1) {
        throw CannotServe("can't make " + full_path.string() + ": " + std::strerror(errno));
    }
    const Descriptor below(openat(lock().hidden(), place, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Descriptor connection = mount_by_fusermount(full_path, options, unmounter().lifeline());
    fchmod(below.get(), without_mount);
    if (!connection.is_open()) {
        throw CannotServe("fusermount3 could not mount on " + path().string() +
                          ". It comes with the package fuse3, must be setuid root, and can't work "
                          "in a process with no_new_privs");
    }
    return connection;
}

// Fails if anything is there, and never replaces it.
void UserMountPoint::publish() {
    if (symlinkat(target().c_str(), folder().fd(), folder().name().c_str()) == 0) {
        return;
    }
    const int error = errno;
    refuse_if_occupied(folder());
    throw CannotServe("can't make " + path().string() + ": " + std::strerror(error));
}

// By the folder's present path: fusermount3 accepts only a path.
bool UserMountPoint::unmount(const Entry& /*mounted*/) const {
    unmount_by_fusermount(present_path(lock().hidden()) / place);
    return !entry().is_ours();
}

// Removes the link first, so that nobody follows it any more when the mount is gone.
bool UserMountPoint::clear() const {
    if (is_link_to(folder(), target())) {
        unlinkat(folder().fd(), folder().name().c_str(), 0);
    }
    if (!unmount_all()) {
        return false;
    }
    unlinkat(lock().hidden(), place, AT_REMOVEDIR);
    return true;
}

} // namespace

std::unique_ptr<MountPoint> claim_for_user(const std::filesystem::path& path) {
    return std::make_unique<UserMountPoint>(path);
}

std::unique_ptr<MountPoint> resume_for_user(const std::filesystem::path& path, int mount_id,
                                            const Inheritance& inheritance) {
    return std::make_unique<UserMountPoint>(path, mount_id, inheritance);
}

} // namespace ipcdev
