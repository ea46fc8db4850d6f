// SPDX-License-Identifier: MIT
#include "mount_point.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <spdlog/spdlog.h>

#include "session.h"

namespace ipcdev {

namespace {

constexpr int most_mounts = 100; // on top of each other, by whatever accident

} // namespace

std::unique_ptr<MountPoint> MountPoint::claim(const std::filesystem::path& path) {
    return geteuid() == 0 ? claim_for_root(path) : claim_for_user(path);
}

std::unique_ptr<MountPoint> MountPoint::resume(const std::filesystem::path& path, bool by_root,
                                               int mount_id, const Inheritance& inheritance) {
    return by_root ? resume_for_root(path, mount_id, inheritance)
                   : resume_for_user(path, mount_id, inheritance);
}

MountPoint::MountPoint(const std::filesystem::path& path, int mount_id,
                       const Inheritance& inheritance)
    : folder_(path, Descriptor(inheritance.folder)),
      lock_(folder_, Descriptor(inheritance.hidden), Descriptor(inheritance.lock)),
      unmounter_(
          std::make_unique<Unmounter>(Descriptor(inheritance.lifeline), inheritance.unmounter)),
      mount_id_(mount_id) {}

void MountPoint::bequeath(Inheritance& inheritance) const {
    inheritance.folder = folder_.fd();
    inheritance.hidden = lock_.hidden();
    inheritance.lock = lock_.file();
    inheritance.lifeline = unmounter_->lifeline().get();
    inheritance.unmounter = unmounter_->child();
}

Descriptor MountPoint::connect() {
    // First, so that a kill at any later moment leaves nothing.
    const std::array kept{folder_.fd(), lock_.hidden(), lock_.file()};
    unmounter_ = std::make_unique<Unmounter>(path(), kept, [this] {
        const bool cleared = clear();
        if (cleared) {
            lock_.remove();
        }
        return cleared;
    });
    lock_.hand_over();
    Descriptor connection = mount();
    if (const Entry mounted = entry(); mounted.is_ours()) {
        mount_id_ = mounted.mount()->id;
    }
    return connection;
}

bool MountPoint::unmount_all() const {
    for (int count = 0; count < most_mounts; ++count) {
        const Entry there = entry();
        if (!there.is_ours()) {
            return true;
        }
        if (!unmount(there)) {
            return false;
        }
    }
    return false;
}

void MountPoint::remove() {
    if (unmounter_ != nullptr && !unmounter_->unmount_now()) {
        spdlog::error("{} could not be unmounted: the next ipcdevd that serves it cleans up",
                      path().string());
    }
    unmounter_.reset();
}

void refuse_without_fuse() {
    if (access("/dev/fuse", F_OK) == -1) {
        throw CannotServe(
            "this kernel has no FUSE: there is no /dev/fuse. Try 'modprobe fuse' as root");
    }
    if (access("/dev/fuse", R_OK | W_OK) == -1) {
        throw CannotServe(std::string("/dev/fuse: ") + std::strerror(errno) +
                          ". On most systems everybody may open it ('chmod 666 /dev/fuse' as "
                          "root); or run as root");
    }
}

} // namespace ipcdev
