// SPDX-License-Identifier: MIT
//
// One function a command: opens the device, does it, and returns what to print.
#pragma once

#include <string>

#include "options.h"

namespace ipcdev {

// Throws Failure.
[[nodiscard]] std::string run_command(const Options& options);

} // namespace ipcdev
