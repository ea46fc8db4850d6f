// SPDX-License-Identifier: MIT
//
// The number of the layout of what one program leaves to the next (pages.h, session.h,
// operations.h). Count it up whenever what is kept there changes its meaning but not its size: a
// field that is moved, another unit, another order of the steps of a commit. Changes of sizes are
// noticed without it.
#pragma once

#ifndef IPCDEV_LAYOUT // the tests build a second one
#define IPCDEV_LAYOUT 1
#endif

namespace ipcdev {

inline constexpr unsigned layout_version = IPCDEV_LAYOUT;

} // namespace ipcdev
