// SPDX-License-Identifier: MIT
//
// Being somebody else, in a child process.
#pragma once

#include <sys/types.h>

#include <functional>

#include "support/process.h"

namespace ipcdev::test {

// Has this process become that user, with no groups and no capabilities. Only
// root can become another one.
void become(uid_t user);

// Runs the body as that user in a child; returns what it returns, 0 to 255.
Status run_as(uid_t user, const std::function<int()>& body);

} // namespace ipcdev::test
