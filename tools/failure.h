// SPDX-License-Identifier: MIT
//
// What went wrong, as one sentence for the user that also says what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace ipcdev {

class Failure : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// Why open(2) of a device failed with `error`.
[[nodiscard]] Failure cannot_open(const std::string& path, int error);

// Anybody may serve a path: the answer is not one of an ipcdev device.
[[nodiscard]] Failure false_answer(const std::string& path);

// Why an ioctl that any open may do failed with `error`. `what` completes the message "can't".
[[nodiscard]] Failure cannot_do(const std::string& what, const std::string& path, int error);

} // namespace ipcdev
