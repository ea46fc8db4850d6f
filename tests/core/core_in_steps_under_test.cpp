// SPDX-License-Identifier: MIT
//
// The core, in the shortest steps.
#include "device_engine.h"
#include "engine_under_test.h"

namespace ipcdev::test {

std::unique_ptr<Engine> make_engine_under_test(const Settings& settings, const Limits& limits) {
    return make_device_engine_in_steps(settings, limits, 1);
}

} // namespace ipcdev::test
