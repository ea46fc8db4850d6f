// SPDX-License-Identifier: MIT
//
// Does CLOCK_MONOTONIC count executed instructions here, as in an emulated machine with
// qemu's -icount? Then what else would be a time is a number of instructions.
#pragma once

namespace ipcdev::bench {

[[nodiscard]] bool clock_counts_instructions();

} // namespace ipcdev::bench
