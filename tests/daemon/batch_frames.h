// SPDX-License-Identifier: MIT
//
// Batches, as a client writes and reads them.
#pragma once

#include <string>
#include <vector>

#include "support/descriptor.h"

namespace ipcdev::daemon_tests {

// Switches the open to frames. Throws if it can't.
void use_batches(const test::Descriptor& opened);

// One frame for each message.
[[nodiscard]] std::string frames(const std::vector<std::string>& messages);

} // namespace ipcdev::daemon_tests
