// SPDX-License-Identifier: MIT
#include "session.h"

#include <algorithm>
#include <cstring>

#include "uapi/ipcdev.h"

namespace ipcdev {

bool Session::pass_to_libfuse(std::span<std::byte> request) {
    if (!ready_) {
        const std::size_t bytes = std::min(request.size(), state_.handshake.size());
        std::memcpy(state_.handshake.data(), request.data(), bytes);
        state_.handshake_bytes = static_cast<std::uint32_t>(bytes);
    }
    process(request);
    return fuse_session_exited(session_) == 0;
}

void Session::repeat_handshake() {
    std::array<std::byte, sizeof(state_.handshake)> request = state_.handshake;
    process(std::span(request).first(state_.handshake_bytes));
}

void Session::process(std::span<std::byte> request) {
    fuse_buf buffer{};
    buffer.size = request.size();
    buffer.mem = request.data();
    fuse_session_process_buf(session_, &buffer);
}

void Session::keep_path(const std::filesystem::path& path) {
    path.string().copy(state_.path.data(), state_.path.size() - 1);
}

namespace {

// A server that has gone wrong may have written there.
bool is_sound(const SessionState& state) {
    return state.handshake_bytes <= state.handshake.size() &&
           std::ranges::find(state.path, '\0') != state.path.end();
}

} // namespace

std::unique_ptr<Session> resume_session(SessionState& state, const Inheritance& inheritance) {
    if (!is_sound(state)) {
        throw CannotServe("can't go on with the session: what is known of it was written over");
    }
    return state.server == IPCDEV_SERVER_CUSE ? resume_cuse(state, inheritance)
                                              : resume_fuse(state, inheritance);
}

} // namespace ipcdev
