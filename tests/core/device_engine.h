// SPDX-License-Identifier: MIT
//
// The core behind the Engine interface. When the engine goes, it ends all that
// is under way, as a transport does. `budget`: messages that one step moves at most; an
// input is as many steps as it takes, and what comes of it does not tell.
#pragma once

#include "engine.h"

namespace ipcdev::test {

[[nodiscard]] std::unique_ptr<Engine>
make_device_engine_in_steps(const Settings& settings, const Limits& limits, std::uint32_t budget);
[[nodiscard]] std::unique_ptr<Engine> make_device_engine(const Settings& settings,
                                                         const Limits& limits = {});

} // namespace ipcdev::test
