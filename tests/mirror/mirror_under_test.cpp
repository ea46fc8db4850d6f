// SPDX-License-Identifier: MIT
//
// The mirror alone: the golden traces are its specification too, in the shortest steps.
#include "engine_under_test.h"
#include "mirror_engine.h"

namespace ipcdev::test {

std::unique_ptr<Engine> make_engine_under_test(const Settings& settings, const Limits& limits) {
    return make_mirror_engine_in_steps(settings, limits, 1);
}

} // namespace ipcdev::test
