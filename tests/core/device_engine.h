// SPDX-License-Identifier: MIT
//
// The core behind the Engine interface. When the engine goes, it ends all that
// is under way, as a transport does.
#pragma once

#include "engine.h"

namespace ipcdev::test {

[[nodiscard]] std::unique_ptr<Engine> make_device_engine(const Settings& settings,
                                                         const Limits& limits = {});

} // namespace ipcdev::test
