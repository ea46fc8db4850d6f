// SPDX-License-Identifier: MIT
//
// An open file description, which dup and fork share, as the device knows it.
//
// The caller owns every Open and keeps it alive from Device::open until no call is under
// way after Device::release. All that is in it is the device's.
#pragma once

#include "request.h"

namespace ipcdev {

struct Open {
    // What is left of what it has begun, the next bytes first. Usually one piece, the end
    // of one message; copies that fault may add others, of other messages too.
    PieceList begun;
    OpenReaderList readers; // its parked reads, in order of arrival
};

} // namespace ipcdev
