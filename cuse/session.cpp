// SPDX-License-Identifier: MIT
#include "session.h"

#include <cerrno>
#include <cstdlib>

namespace ipcdev {

Session::Buffer::~Buffer() {
    std::free(mem);
}

bool Session::serve_one() {
    const int bytes = fuse_session_receive_buf(session_, &buffer_);
    if (bytes == -EINTR) {
        return true;
    }
    if (bytes <= 0) {
        return false;
    }
    fuse_session_process_buf(session_, &buffer_);
    return fuse_session_exited(session_) == 0;
}

} // namespace ipcdev
