// SPDX-License-Identifier: MIT
#include "session.h"

namespace ipcdev {

bool Session::pass_to_libfuse(std::span<std::byte> request) {
    fuse_buf buffer{};
    buffer.size = request.size();
    buffer.mem = request.data();
    fuse_session_process_buf(session_, &buffer);
    return fuse_session_exited(session_) == 0;
}

} // namespace ipcdev
