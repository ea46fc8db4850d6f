// SPDX-License-Identifier: MIT
//
// The suite's own eye on the device: a client with one open, which INFO counts.
// It never reads, writes or polls, so it disturbs nobody.
#pragma once

#include <functional>

#include "client.h"
#include "uapi/ipcdev.h"

namespace ipcdev::conformance {

class Observer {
  public:
    // Opens the device and asks INFO. False: nobody serves it (yet).
    bool connect();
    void disconnect(); // closes its open by ending the process
    [[nodiscard]] bool connected() const { return connected_; }

    // Throw std::runtime_error if the ioctl fails.
    ipcdev_info info();
    ipcdev_stats stats();
    ipcdev_waiters waiters(unsigned first = 0);
    void clear();

    Outcome configure(unsigned mode, unsigned depth, unsigned max_message);

    // Looks at INFO until it is as wished. There is no time limit here: the
    // watchdog ends it, and `what` is then what the failure says.
    ipcdev_info wait_until(const std::function<bool(const ipcdev_info&)>& wished,
                           const std::string& what);

  private:
    template <class Struct> Struct ask(unsigned long number, Struct question, const char* name);

    Client client_{"the observer"};
    bool connected_ = false;
};

} // namespace ipcdev::conformance
