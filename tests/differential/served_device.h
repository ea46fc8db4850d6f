// SPDX-License-Identifier: MIT
//
// The device under test and, with --serve, its server. At the end the device is empty and
// has its original settings.
#pragma once

#include <memory>
#include <string>

#include "live.h"
#include "options.h"
#include "support/program.h"

namespace ipcdev::differential {

class ServedDevice {
  public:
    // Throws std::runtime_error if nobody serves the device, or it is in use.
    ServedDevice(const Options& options, std::size_t clients);
    ServedDevice(const ServedDevice&) = delete;
    ServedDevice& operator=(const ServedDevice&) = delete;
    ~ServedDevice();

    // The device, after a reset. Restarts a server of ours that died or whose device can't be
    // reset. Throws std::runtime_error if that does not help.
    Live& fresh(const Settings& settings);
    [[nodiscard]] Live& live() { return *live_; }
    // Who serves it: "module", "cuse", "fuse".
    [[nodiscard]] const char* server_name() const;
    // Leaves the device as it was found. Throws std::runtime_error if a server of
    // ours does not end well.
    void end();

  private:
    void connect();
    void start_server();
    void kill_server();

    const Options& options_;
    const std::size_t clients_;
    Program server_;
    HangWatch watch_;
    std::unique_ptr<Live> live_;
    ipcdev_info found_{}; // as it was
};

} // namespace ipcdev::differential
