// SPDX-License-Identifier: MIT
//
// What is already at the device's path, and what the user should do about it. Only looks:
// removes nothing, and asks no server.
#pragma once

#include <string>

#include "folder.h"
#include "mounts.h"

namespace ipcdev {

// The socket that root's ipcdevd mounts on. Recognised because nobody else makes one like
// it: with one link, and with permissions for nobody.
[[nodiscard]] bool is_placeholder(const Entry& entry);

// The symbolic link to `target` that an ordinary user's ipcdevd publishes.
[[nodiscard]] bool is_link_to(const Folder& folder, const std::string& target);

// Throws CannotServe if anything is at the path; the sentence says what and what to do.
void refuse_if_occupied(const Folder& folder);

} // namespace ipcdev
