// SPDX-License-Identifier: MIT
#include "device_engine.h"

#include "core_machine.h"
#include "machine_engine.h"

namespace ipcdev::test {

std::unique_ptr<Engine> make_device_engine_in_steps(const Settings& settings, const Limits& limits,
                                                    std::uint32_t budget) {
    return std::make_unique<MachineEngine<Core>>(settings, limits, budget);
}

std::unique_ptr<Engine> make_device_engine(const Settings& settings, const Limits& limits) {
    return make_device_engine_in_steps(settings, limits, unlimited);
}

} // namespace ipcdev::test
