// SPDX-License-Identifier: MIT
//
// A process of its own that waits until the server has ended, however it ends, takes
// the mount off, and ends too. It is the only one that keeps the right to: the server
// gives all its rights up. It reads nothing that a client has written.
//
//     server                          unmounter
//     forks                           gives up what it does not need
//     mounts, serves        <- byte -  waits
//     ends, or is killed    -- end ->  unmounts, cleans up
//     waits, unless killed  <- byte -  ends
//
// No signal but SIGKILL ends it, so that a ^C or a service manager that stops all
// processes at once leaves its work to it. If it is killed too, the next start does it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <span>
#include <string>

#include "descriptor.h"

namespace ipcdev {

class Unmounter {
  public:
    // Forks, and returns when the child waits. It keeps these descriptors, root's right to mount,
    // and nothing else; it calls `unmount` once, which says whether all is cleaned up. `path` is
    // for those who look at processes. Throws CannotServe.
    Unmounter(const std::string& path, std::span<const int> kept,
              const std::function<bool()>& unmount);
    Unmounter(const Unmounter&) = delete;
    Unmounter& operator=(const Unmounter&) = delete;
    // If unmount_now() was not called: the child goes on by itself.
    ~Unmounter() = default;

    // Whoever has this open holds it back.
    [[nodiscard]] const Descriptor& lifeline() const { return child_; }

    // Has it unmount, and waits. False: it could not, was killed or takes too long.
    [[nodiscard]] bool unmount_now();

  private:
    Descriptor child_; // a socket to it
    pid_t pid_ = -1;
};

} // namespace ipcdev
