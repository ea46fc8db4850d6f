// SPDX-License-Identifier: MIT
//
// Who serves a path, and who may change what is there: told by locks, which the
// kernel releases when their holder is gone. They are on a file in a folder that
// only its maker may enter, beside the device: .NAME.ipcdevd/lock. So all paths that
// lead to one folder lead to one lock.
//
//   byte 0   serves. A lock of the process, by F_SETLK: no child inherits it, and
//            whoever meets it learns the process's number.
//   byte 1   changes what is there. A lock of the open file, by F_OFD_SETLK: the
//            server and its unmounter share it until both are gone.
//
//       server               unmounter            next start
//       locks 0 and 1
//       forks                shares 1
//       is killed                                 locks 0
//                            takes the mount off  waits for 1
//                            ends                 locks 1; nobody is there now
//
// So whoever has both knows that a mount of an ipcdevd that is still there is of one
// that was killed with its unmounter. And a server that does not move, as one that
// was stopped, still has its lock.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "folder.h"

namespace ipcdev {

class ServingLock {
  public:
    // Takes both locks; waits a while for an unmounter. Throws CannotServe if another
    // ipcdevd serves the path or may, and Stopped. `folder` must outlive it.
    explicit ServingLock(const Folder& folder);
    ServingLock(const ServingLock&) = delete;
    ServingLock& operator=(const ServingLock&) = delete;
    // Removes file and folder, if whoever shares the lock has not done so.
    ~ServingLock();

    // The folder that nobody else may enter, as a descriptor and as a name.
    [[nodiscard]] int hidden() const { return hidden_.get(); }
    [[nodiscard]] const std::string& hidden_name() const { return hidden_name_; }
    // What keeps the locks.
    [[nodiscard]] int file() const { return file_.get(); }

    // The last step of whoever cleans up: the next start makes its own.
    void remove() const;

  private:
    bool open_hidden();
    bool open_file();
    bool lock();
    bool lock_the_place();
    [[noreturn]] void refuse_as_served() const;

    const Folder& folder_;
    const std::string hidden_name_;
    Descriptor hidden_; // O_PATH
    Descriptor file_;   // the only one: to close another would release the lock of byte 0
};

// The process that serves the path, as far as this one may know; 0: its number is
// not known here. Not for who holds the lock.
[[nodiscard]] std::optional<pid_t> server_of(const Folder& folder);

} // namespace ipcdev
