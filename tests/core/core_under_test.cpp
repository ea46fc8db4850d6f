// SPDX-License-Identifier: MIT
#include "device_engine.h"
#include "engine_under_test.h"

namespace ipcdev::test {

std::unique_ptr<Engine> make_engine_under_test(const Settings& settings, const Limits& limits) {
    return make_device_engine(settings, limits);
}

} // namespace ipcdev::test
