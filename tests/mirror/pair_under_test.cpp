// SPDX-License-Identifier: MIT
//
// The core and its mirror, side by side.
#include "device_engine.h"
#include "engine_under_test.h"
#include "mirror_engine.h"
#include "pair_engine.h"

namespace ipcdev::test {

std::unique_ptr<Engine> make_engine_under_test(const Settings& settings, const Limits& limits) {
    return std::make_unique<PairEngine>(make_device_engine(settings, limits),
                                        make_mirror_engine(settings, limits));
}

} // namespace ipcdev::test
