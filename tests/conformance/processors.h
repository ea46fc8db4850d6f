// SPDX-License-Identifier: MIT
//
// On which processors the suite runs, with its clients and its server. What is about
// the order of things needs one; what happens at the same time needs more.
#pragma once

namespace ipcdev::conformance::processors {

// For main(), if --spread is given: keeps all chapters but those that it names on one
// processor. Restarts the server at each change.
void install();

} // namespace ipcdev::conformance::processors
