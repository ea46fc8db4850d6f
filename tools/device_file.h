// SPDX-License-Identifier: MIT
//
// An open device and its ioctls. Opens without blocking and with the least
// access; every call throws Failure with a sentence for the user.
//
// The server may be anybody: values used as an index or to decide when to stop are checked
// here.
#pragma once

#include <string>
#include <vector>

#include "uapi/ipcdev.h"

namespace ipcdev {

class DeviceFile {
  public:
    enum class Access { read, write };

    DeviceFile(std::string path, Access access);
    DeviceFile(const DeviceFile&) = delete;
    DeviceFile& operator=(const DeviceFile&) = delete;
    ~DeviceFile();

    [[nodiscard]] const std::string& path() const { return path_; }

    [[nodiscard]] ipcdev_info info() const;
    [[nodiscard]] ipcdev_stats stats() const;
    // In the order in which they will be served. It takes several ioctls, so calls that begin
    // or end meanwhile may be missing or listed twice.
    [[nodiscard]] std::vector<ipcdev_waiter> waiters() const;
    // A field of 0 keeps the setting.
    void configure(ipcdev_configure change) const;
    void clear() const; // needs Access::write

  private:
    // Has the device fill in a struct that starts with its size. `what` completes the message
    // "can't".
    template <typename Struct>
    void ask(unsigned long request, Struct& in_out, const char* what) const;
    // 0 or a positive errno.
    template <typename... Argument>
    [[nodiscard]] int control(unsigned long request, Argument*... argument) const;
    [[nodiscard]] std::string why_busy() const;
    [[nodiscard]] std::string why_invalid(const ipcdev_configure& change) const;

    std::string path_;
    int fd_;
};

} // namespace ipcdev
