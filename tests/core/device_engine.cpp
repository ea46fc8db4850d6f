// SPDX-License-Identifier: MIT
#include "device_engine.h"

#include "machine_engine.h"

namespace ipcdev::test {

namespace {

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

} // namespace

std::unique_ptr<Engine> make_device_engine_in_steps(const Settings& settings, const Limits& limits,
                                                    std::uint32_t budget) {
    return std::make_unique<MachineEngine<Core>>(settings, limits, budget);
}

std::unique_ptr<Engine> make_device_engine(const Settings& settings, const Limits& limits) {
    return make_device_engine_in_steps(settings, limits, unlimited);
}

} // namespace ipcdev::test
