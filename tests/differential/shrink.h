// SPDX-License-Identifier: MIT
//
// Finds fewer and simpler steps that still show a difference.
#pragma once

#include <functional>

#include "step.h"

namespace ipcdev::differential {

// Plays the steps, without those that make no sense where they stand, up to the
// first difference. Returns what it played, or nothing if there was none.
using Shows = std::function<Steps(const Steps&)>;

// `steps` show it. Returns the best so far once `time_is_over`.
[[nodiscard]] Steps shrunk(Steps steps, const Shows& shows,
                           const std::function<bool()>& time_is_over);

} // namespace ipcdev::differential
