// SPDX-License-Identifier: MIT
//
// kmod/device.c behind the Engine interface: compiled in user space, with the
// headers in shim/ in place of the kernel's. `budget`: the most messages that one step moves.
// It must not affect any outcome.
#pragma once

#include "engine.h"

namespace ipcdev::test {

[[nodiscard]] std::unique_ptr<Engine>
make_mirror_engine_in_steps(const Settings& settings, const Limits& limits, std::uint32_t budget);
[[nodiscard]] std::unique_ptr<Engine> make_mirror_engine(const Settings& settings,
                                                         const Limits& limits = {});

} // namespace ipcdev::test
