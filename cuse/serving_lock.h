// SPDX-License-Identifier: MIT
//
// Locks that say who serves a path and who may change what is there. The kernel releases
// them when their holder is gone. They are on a file next to the device, in a folder that
// only its creator may enter: .NAME.ipcdevd/lock. So all paths to one folder share a lock.
//
//   byte 0   who serves. A lock of the process, by F_SETLK: no child inherits it, and
//            others can query the holder's pid.
//   byte 1   who may change what is there. A lock of the open file, by F_OFD_SETLK:
//            the server and its unmounter share it until both are gone.
//
//       server               unmounter            next start
//       locks 0 and 1
//       forks                shares 1
//       is killed                                 locks 0
//                            takes the mount off  waits for 1
//                            ends                 locks 1; nobody is there now
//
// So the holder of both locks knows that any ipcdevd mount still there belongs to a server
// that was killed with its unmounter. A stopped server still holds its lock.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "folder.h"

namespace ipcdev {

class ServingLock {
  public:
    // Takes both locks; waits a while for an unmounter. Throws CannotServe if another
    // ipcdevd serves the path, or might, and Stopped. `folder` must outlive it.
    explicit ServingLock(const Folder& folder);
    // Takes over what the program before it, the same process, has locked and handed over.
    ServingLock(const Folder& folder, Descriptor hidden, Descriptor file);
    ServingLock(const ServingLock&) = delete;
    ServingLock& operator=(const ServingLock&) = delete;
    // Removes file and folder, unless that was handed over.
    ~ServingLock();

    // From now on the unmounter removes them, when all is cleaned up. If it can't, they must
    // stay: while it lives, the next start has to find it by its lock.
    void hand_over() { is_ours_ = false; }

    // The folder that only its creator may enter: a descriptor and the name.
    [[nodiscard]] int hidden() const { return hidden_.get(); }
    [[nodiscard]] const std::string& hidden_name() const { return hidden_name_; }
    // The descriptor that holds the locks.
    [[nodiscard]] int file() const { return file_.get(); }

    // The last step of a clean-up: the next start makes new ones.
    void remove() const;

  private:
    bool open_hidden();
    bool open_file();
    bool lock();
    bool lock_the_place();
    [[noreturn]] void refuse_as_served() const;

    const Folder& folder_;
    const std::string hidden_name_;
    Descriptor hidden_;   // O_PATH
    Descriptor file_;     // the only one: closing another would release the lock of byte 0
    bool is_ours_ = true; // to remove
};

// The process that serves the path; 0 if its pid is not visible here. Not for the holder of
// the lock.
[[nodiscard]] std::optional<pid_t> server_of(const Folder& folder);

} // namespace ipcdev
