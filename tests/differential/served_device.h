// SPDX-License-Identifier: MIT
//
// The device under test and, if --serve tells how to start it, who serves it. At
// the end the device is empty and has the settings that it was found with.
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

    // The device, reset. A server of ours that died, or whose device can't be
    // reset, is started anew. Throws std::runtime_error if nothing helps.
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
