// SPDX-License-Identifier: MIT
//
// What stands where the device is to be served, and what the user should do
// about it. Looks only; removes nothing, and asks no server.
#pragma once

#include <string>

#include "folder.h"
#include "mounts.h"

namespace ipcdev {

// The socket that root's ipcdevd mounts on: recognised by what nobody else makes,
// one that nobody may connect to, with one link.
[[nodiscard]] bool is_placeholder(const Entry& entry);

// The symbolic link to `target` by which an ordinary user's ipcdevd publishes.
[[nodiscard]] bool is_link_to(const Folder& folder, const std::string& target);

// Throws CannotServe with a sentence for whatever is at the path, if anything.
void refuse_if_occupied(const Folder& folder);

} // namespace ipcdev
