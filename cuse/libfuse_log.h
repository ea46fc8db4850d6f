// SPDX-License-Identifier: MIT
//
// What libfuse has to say goes to the daemon's own log.
#pragma once

#include <spdlog/common.h>

namespace ipcdev {

// From here on; its errors at this level, and the rest at level debug.
void log_libfuse(spdlog::level::level_enum errors);

} // namespace ipcdev
