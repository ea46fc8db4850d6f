// SPDX-License-Identifier: MIT
//
// A separate process that waits for the end of the server, however it ends, unmounts, and
// exits. Only it keeps the privilege to unmount; the server gives up all of its own. It
// reads nothing that a client has written.
//
//     server                          unmounter
//     forks                           gives up what it does not need
//     mounts, serves        <- byte -  waits
//     ends, or is killed    -- end ->  unmounts, cleans up
//     waits, unless killed  <- byte -  ends
//
// It blocks all signals, so a ^C, or a service manager that stops all processes at once,
// does not keep it from its work. If it is killed too, the next start does that work.
#pragma once

#include <sys/types.h>

#include <functional>
#include <span>
#include <string>
#include <utility>

#include "descriptor.h"

namespace ipcdev {

class Unmounter {
  public:
    // Forks, and returns once the child waits. The child keeps the descriptors `kept` and root's
    // privilege to unmount, and nothing else. It calls `unmount` once, which returns whether all
    // is cleaned up. ps(1) shows `path`. Throws CannotServe.
    Unmounter(const std::string& path, std::span<const int> kept,
              const std::function<bool()>& unmount);
    // Takes over the one that the program before has started.
    Unmounter(Descriptor lifeline, pid_t child) : child_(std::move(lifeline)), pid_(child) {}
    Unmounter(const Unmounter&) = delete;
    Unmounter& operator=(const Unmounter&) = delete;
    // If unmount_now() was not called, the child continues on its own.
    ~Unmounter() = default;

    // The child waits while any process has this open.
    [[nodiscard]] const Descriptor& lifeline() const { return child_; }
    [[nodiscard]] pid_t child() const { return pid_; }

    // Has it unmount, and waits. False if that failed, it was killed, or it takes too long.
    [[nodiscard]] bool unmount_now();

  private:
    Descriptor child_; // a socket to the child
    pid_t pid_ = -1;
};

} // namespace ipcdev
