// SPDX-License-Identifier: MIT
//
// The device's view of an open file description, which dup and fork share.
//
// The caller owns every Open. It must outlive the call that Device::release starts
// (see Device::under_way). Its fields are the device's.
#pragma once

#include "request.h"

namespace ipcdev {

struct Open {
    // What is left of the messages it has begun, the next bytes first. Usually one piece,
    // the end of one message; copies that fault may add pieces, also of other messages.
    PieceList begun;
    OpenReaderList readers; // its parked reads, in order of arrival
};

} // namespace ipcdev
