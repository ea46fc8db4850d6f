// SPDX-License-Identifier: MIT
//
// What libfuse has to say goes to the daemon's own log, but for 'fuse: writing device', an
// answer that the kernel refuses: libfuse 3.14 gives that to perror(3).
#pragma once

#include <spdlog/common.h>

namespace ipcdev {

// From here on; its errors at this level, and the rest at level debug.
void log_libfuse(spdlog::level::level_enum errors);

} // namespace ipcdev
