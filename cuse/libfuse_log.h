// SPDX-License-Identifier: MIT
//
// Sends libfuse's messages to the daemon's own log, except for 'fuse: writing device', about
// a reply that the kernel refuses: libfuse 3.14 passes that to perror(3).
#pragma once

#include <spdlog/common.h>

namespace ipcdev {

// From this call on: its errors at this level, the rest at level debug.
void log_libfuse(spdlog::level::level_enum errors);

} // namespace ipcdev
