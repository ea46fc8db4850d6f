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
    // Not ready by then: the parent, if one waits, exits with status 1.
    ~Announcer();

    // Goes on in a child of init's own session; the parent does not return from
    // here but exits, with status 0 once ready() is called. Throws CannotServe.
    // Requires: no descriptor or lock was made before; they would be shared.
    void go_to_background();

    void ready(const std::string& path, const std::string& how);
    // Nothing, if it never was ready.
    void stopping() const;

  private:
    bool was_ready_ = false;
    int parent_ = -1; // write end of the pipe that the parent waits on
};

} // namespace ipcdev
