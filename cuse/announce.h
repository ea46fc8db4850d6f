// SPDX-License-Identifier: MIT
//
// Tells whoever started the daemon that the device can be used: a line on
// stderr, systemd by sd_notify, and with --background the waiting parent.
#pragma once

#include <memory>
#include <string>

namespace ipcdev {

class Announcer {
  public:
    Announcer() = default;
    Announcer(const Announcer&) = delete;
    Announcer& operator=(const Announcer&) = delete;
    // If ready() was not called, the waiting parent, if any, exits with status 1.
    ~Announcer();

    // Continues in a child with a session of its own. The parent does not return: it exits
    // with status 0 once the child has called ready(). Throws CannotServe.
    // Requires: no descriptor or lock was made before; the child would share it.
    void go_to_background();

    void ready(const std::string& path, const std::string& how);
    // In the program that goes on. `in_background`: the one before had gone there.
    void resumed(const std::string& path, bool in_background);
    // To systemd, when an upgrade begins, and when it is over without another program.
    static void reloading();
    static void reloaded();
    // Does nothing unless ready() or resumed() was called.
    void stopping() const;

  private:
    bool was_ready_ = false;
    int parent_ = -1; // write end of the pipe that the parent waits on
};

} // namespace ipcdev
