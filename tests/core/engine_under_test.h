// SPDX-License-Identifier: MIT
//
// Which engine the walk, the traces and the fuzzer are about is decided when they
// are linked: core_under_test.cpp, or that of a mirror.
#pragma once

#include "engine.h"

namespace ipcdev::test {

[[nodiscard]] std::unique_ptr<Engine> make_engine_under_test(const Settings& settings,
                                                             const Limits& limits = {});

} // namespace ipcdev::test
