// SPDX-License-Identifier: MIT
//
// Since Linux 6.15 the kernel can abort the connection of a FUSE server that does not answer
// a request in time (Documentation/admin-guide/sysctl/fs.rst, fs/fuse/inode.c:
// init_server_timeout). A parked call is such a request. Two settings, in seconds, determine
// the timeout; 0 means none:
//
//     fs.fuse.default_request_timeout   if the server asks for none
//     fs.fuse.max_request_timeout       the upper limit, whatever it asks for
//
// A server can't ask for no timeout. So if there is a default, the daemon asks for the longest
// possible one in its answer to the handshake. CUSE has no timeouts.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace ipcdev {

struct RequestTimeouts {
    unsigned by_default = 0; // seconds
    unsigned most = 0;       // seconds

    // The kernel's settings; 0 for one that it does not have.
    [[nodiscard]] static RequestTimeouts of_this_kernel();

    // The seconds to ask for; 0: ask for nothing, always so if libfuse is too old to ask.
    [[nodiscard]] std::uint16_t to_ask_for() const;
    // The resulting timeout; 0: a call may wait for ever.
    [[nodiscard]] unsigned effective() const;
    // If there is a timeout: a sentence that says how long and how to change it.
    [[nodiscard]] std::optional<std::string> warning(const std::filesystem::path& device) const;
};

// Adds the timeout, a field that libfuse 3.14 does not know, to the answer to FUSE_INIT that
// libfuse is about to write: a header and a fuse_init_out. Does nothing to other answers.
void ask_for_timeout(iovec* answer, int parts, std::uint16_t seconds);

} // namespace ipcdev
