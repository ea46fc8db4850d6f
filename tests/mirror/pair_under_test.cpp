// SPDX-License-Identifier: MIT
//
// The core and its mirror, side by side. The one does all of an input in one step, the
// other in the shortest, and nothing may tell.
#include "device_engine.h"
#include "engine_under_test.h"
#include "mirror_engine.h"
#include "pair_engine.h"

namespace ipcdev::test {

std::unique_ptr<Engine> make_engine_under_test(const Settings& settings, const Limits& limits) {
    return std::make_unique<PairEngine>(make_device_engine(settings, limits),
                                        make_mirror_engine_in_steps(settings, limits, 1));
}

} // namespace ipcdev::test
