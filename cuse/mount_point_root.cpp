// SPDX-License-Identifier: MIT
//
// Root mounts on the path itself, by descriptors.
#include "mount_point.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <spdlog/spdlog.h>

#include "occupant.h"
#include "session.h"

namespace ipcdev {

namespace {

// A path to what the descriptor has open, for calls that take no descriptor.
std::string itself(int fd) {
    return "/proc/self/fd/" + std::to_string(fd);
}

class RootMountPoint final : public MountPoint {
  public:
    explicit RootMountPoint(const std::filesystem::path& path);
    RootMountPoint(const std::filesystem::path& path, int mount_id, const Inheritance& inheritance)
        : MountPoint(path, mount_id, inheritance) {}
    [[nodiscard]] std::string name_in_mount() const override { return {}; }
    void publish() override {} // the mount is at the path

  private:
    Descriptor mount() override;
    [[nodiscard]] Entry entry() const override { return {folder().fd(), folder().name()}; }
    [[nodiscard]] bool unmount(const Entry& mounted) const override;
    [[nodiscard]] bool clear() const override;
    [[nodiscard]] Entry make_socket() const;
};

// The socket stays, if it is there: the path is never free for another file.
RootMountPoint::RootMountPoint(const std::filesystem::path& path) : MountPoint(path) {
    if (entry().is_ours() && unmount_all()) {
        spdlog::info("unmounted the stale mount that a killed ipcdevd left on {}",
                     this->path().string());
    }
    if (!is_placeholder(entry())) {
        refuse_if_occupied(folder());
    }
}

Entry RootMountPoint::make_socket() const {
    if (mknodat(folder().fd(), folder().name().c_str(), S_IFSOCK, 0) == -1 && errno != EEXIST) {
        throw CannotServe("can't make " + path().string() + ": " + std::strerror(errno) +
                          ". Give a --path in a folder where root may make files and sockets");
    }
    Entry made = entry();
    if (!is_placeholder(made)) {
        refuse_if_occupied(folder()); // somebody was faster
        throw CannotServe(path().string() + " is being changed by someone else; try again");
    }
    return made;
}

Descriptor RootMountPoint::mount() {
    Descriptor connection(open("/dev/fuse", O_RDWR | O_CLOEXEC));
    if (!connection.is_open()) {
        refuse_without_fuse();
        throw CannotServe(std::string("can't open /dev/fuse: ") + std::strerror(errno));
    }
    // default_permissions: the kernel enforces them. allow_other: so that they mean
    // something for others.
    const std::string options =
        "fd=" + std::to_string(connection.get()) +
        ",rootmode=100000,user_id=0,group_id=0,default_permissions,allow_other";
    const Entry socket = make_socket();
    if (::mount("ipcdev", itself(socket.fd()).c_str(), mount_type, MS_NOSUID | MS_NODEV | MS_NOEXEC,
                options.c_str()) == -1) {
        throw CannotServe("the kernel refuses to mount on " + path().string() + ": " +
                          std::strerror(errno) +
                          (errno == EPERM ? "; mounting needs CAP_SYS_ADMIN, which a container has "
                                            "only if it is given"
                                          : ""));
    }
    return connection;
}

bool RootMountPoint::unmount(const Entry& mounted) const {
    return umount2(itself(mounted.fd()).c_str(), MNT_DETACH) == 0;
}

bool RootMountPoint::clear() const {
    if (!unmount_all()) {
        return false;
    }
    return !is_placeholder(entry()) || unlinkat(folder().fd(), folder().name().c_str(), 0) == 0;
}

} // namespace

std::unique_ptr<MountPoint> claim_for_root(const std::filesystem::path& path) {
    return std::make_unique<RootMountPoint>(path);
}

std::unique_ptr<MountPoint> resume_for_root(const std::filesystem::path& path, int mount_id,
                                            const Inheritance& inheritance) {
    return std::make_unique<RootMountPoint>(path, mount_id, inheritance);
}

} // namespace ipcdev
