// SPDX-License-Identifier: MIT
//
// Opens the device, runs the command, and returns what to print.
#pragma once

#include <string>

#include "options.h"

namespace ipcdev {

// Throws Failure.
[[nodiscard]] std::string run_command(const Options& options);

} // namespace ipcdev
