// SPDX-License-Identifier: MIT
//
// The place of the FUSE file. There is never a file at its path that would swallow a
// client's bytes, unless somebody else makes one:
//
//                  root                              an ordinary user
//     mounts       the file, on the path itself: a   a folder with the file in it, on a
//                  socket, which nobody can open,    folder in .NAME.ipcdevd, which
//                  not even root                     others can't enter. Without the
//                                                    mount there is no such file
//     by           mount(2)                          fusermount3, which mounts a file
//                                                    only on one that can be written
//     publishes    with the mount                    with a symbolic link, when the
//                                                    device answers
//     at the end   unmounts, removes the socket      removes the link, unmounts
//
// The unmounter does the last line; if both processes are killed, the next start does.
// Files of others are never touched.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "folder.h"
#include "inheritance.h"
#include "mounts.h"
#include "serving_lock.h"
#include "unmounter.h"

namespace ipcdev {

class MountPoint {
  public:
    // The kind for this process's user. Takes the lock, and cleans up after an ipcdevd of
    // this user that was killed. Throws CannotServe and Stopped.
    [[nodiscard]] static std::unique_ptr<MountPoint> claim(const std::filesystem::path& path);
    // Goes on with one that the program before has mounted and published.
    [[nodiscard]] static std::unique_ptr<MountPoint> resume(const std::filesystem::path& path,
                                                            bool by_root, int mount_id,
                                                            const Inheritance& inheritance);
    MountPoint(const MountPoint&) = delete;
    MountPoint& operator=(const MountPoint&) = delete;
    // Calls remove().
    virtual ~MountPoint() { remove(); }

    [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }

    // Mounts, and returns the connection with the kernel. Throws CannotServe.
    [[nodiscard]] Descriptor connect();
    // The file's name in the mounted folder; empty if the file itself is mounted.
    [[nodiscard]] virtual std::string name_in_mount() const = 0;

    // Call it once the device answers: makes it appear at its path. Throws CannotServe.
    virtual void publish() = 0;

    // The mount's number. Requires: connect() was called, as for the next two.
    [[nodiscard]] int mount_id() const { return mount_id_; }
    void bequeath(Inheritance& inheritance) const;
    // False once somebody has unmounted it.
    [[nodiscard]] bool is_mounted() const { return find_mount(mount_id_).has_value(); }

    // Has the unmounter unmount and clean up, and waits for it. Leaves alone whatever else
    // is at the path by now. Requires: the connection is closed.
    void remove();

  protected:
    explicit MountPoint(const std::filesystem::path& path) : folder_(path), lock_(folder_) {}
    MountPoint(const std::filesystem::path& path, int mount_id, const Inheritance& inheritance);

    // Mounts at entry(), and returns the connection.
    virtual Descriptor mount() = 0;
    // The place where the mount is or will be.
    [[nodiscard]] virtual Entry entry() const = 0;
    // Unmounts every ipcdevd's mount at entry(). False on failure.
    [[nodiscard]] bool unmount_all() const;
    [[nodiscard]] virtual bool unmount(const Entry& mounted) const = 0;
    // Unmounts, and removes what was made for the mount. False if something is left.
    [[nodiscard]] virtual bool clear() const = 0;

    [[nodiscard]] const Folder& folder() const { return folder_; }
    [[nodiscard]] const ServingLock& lock() const { return lock_; }
    [[nodiscard]] const Unmounter& unmounter() const { return *unmounter_; } // in mount()

  private:
    Folder folder_;
    ServingLock lock_;
    std::unique_ptr<Unmounter> unmounter_;
    int mount_id_ = -1;
};

// In mount_point_root.cpp and mount_point_user.cpp; claim() chooses.
[[nodiscard]] std::unique_ptr<MountPoint> claim_for_root(const std::filesystem::path& path);
[[nodiscard]] std::unique_ptr<MountPoint> claim_for_user(const std::filesystem::path& path);
// Likewise; resume() chooses.
[[nodiscard]] std::unique_ptr<MountPoint>
resume_for_root(const std::filesystem::path& path, int mount_id, const Inheritance& inheritance);
[[nodiscard]] std::unique_ptr<MountPoint>
resume_for_user(const std::filesystem::path& path, int mount_id, const Inheritance& inheritance);

// Throws CannotServe if /dev/fuse can't be opened.
void refuse_without_fuse();

} // namespace ipcdev
