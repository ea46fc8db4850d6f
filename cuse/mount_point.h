// SPDX-License-Identifier: MIT
//
// Where the FUSE file is. At its path there is never a file that would take a
// client's bytes, but one that somebody else has made:
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
// The unmounter does the last line, and after a kill of both processes the next
// start. Nobody else's file is ever touched.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "folder.h"
#include "mounts.h"
#include "serving_lock.h"
#include "unmounter.h"

namespace ipcdev {

class MountPoint {
  public:
    // The one for whoever this process is. Takes the lock, and cleans up what is left
    // of an ipcdevd of this user that was killed. Throws CannotServe, and Stopped.
    [[nodiscard]] static std::unique_ptr<MountPoint> claim(const std::filesystem::path& path);
    MountPoint(const MountPoint&) = delete;
    MountPoint& operator=(const MountPoint&) = delete;
    // What is mounted is taken off.
    virtual ~MountPoint() { remove(); }

    [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }

    // Mounts. The connection with the kernel. Throws CannotServe.
    [[nodiscard]] Descriptor connect();
    // The file's name in the folder that is mounted; empty: the file is what is mounted.
    [[nodiscard]] virtual std::string name_in_mount() const = 0;

    // The device answers: it can be at its path, if it is not. Throws CannotServe.
    virtual void publish() = 0;

    // Has nobody taken the mount off? Requires: connect().
    [[nodiscard]] bool is_mounted() const { return find_mount(mount_id_).has_value(); }

    // Has the unmounter unmount and clean up, and waits for it. Leaves whatever else
    // may stand at the path by now. Requires: the connection is closed.
    void remove();

  protected:
    explicit MountPoint(const std::filesystem::path& path) : folder_(path), lock_(folder_) {}

    // Mounts at entry(), and returns the connection.
    virtual Descriptor mount() = 0;
    // Where the mount is, or is to be.
    [[nodiscard]] virtual Entry entry() const = 0;
    // Takes off every mount of an ipcdevd at entry(). False: it could not.
    [[nodiscard]] bool unmount_all() const;
    [[nodiscard]] virtual bool unmount(const Entry& mounted) const = 0;
    // What is mounted goes, and what was made for it. False: something of it is left.
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

// mount_point_root.cpp, mount_point_user.cpp: claim() chooses.
[[nodiscard]] std::unique_ptr<MountPoint> claim_for_root(const std::filesystem::path& path);
[[nodiscard]] std::unique_ptr<MountPoint> claim_for_user(const std::filesystem::path& path);

// Throws CannotServe if a mount must fail for want of /dev/fuse.
void refuse_without_fuse();

} // namespace ipcdev
