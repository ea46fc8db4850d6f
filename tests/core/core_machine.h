// SPDX-License-Identifier: MIT
//
// The core, as a machine for MachineEngine.
#pragma once

#include "device.h"

namespace ipcdev::test {

struct Core {
    using Account = ipcdev::Account;
    using Message = ipcdev::Message;
    using Piece = ipcdev::Piece;
    using Open = ipcdev::Open;
    using Request = ipcdev::Request;
    using Effects = ipcdev::Effects;
    using Device = ipcdev::Device;

    static int error_of(const Request& request) { return request.error; }
    static bool is_read(const Request& request) { return request.operation == Operation::read; }
    static const PieceList& pieces_of(const Request& request) { return request.pieces; }
    static const PieceList& begun_by(const Open& open) { return open.begun; }
    static const OpenReaderList& readers_of(const Open& open) { return open.readers; }
    static bool is_copying(const Request& request) {
        return request.state == RequestState::copying;
    }
};

} // namespace ipcdev::test
