// SPDX-License-Identifier: MIT
//
// Linux since 6.15 can abort the connection of a FUSE server that leaves a request without
// an answer for some time (Documentation/admin-guide/sysctl/fs.rst, fs/fuse/inode.c:
// init_server_timeout). A parked call is such a request. Two settings make the time, in
// seconds, and 0 is none:
//
//     fs.fuse.default_request_timeout   where the server asks for none
//     fs.fuse.max_request_timeout       the most, whatever it asks for
//
// There is no way to ask for no timeout, so against a default the daemon asks for the
// longest that can be asked for, in its answer to the handshake. CUSE knows no timeouts.
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

    // What this kernel is set to; 0 for a setting that it does not have.
    [[nodiscard]] static RequestTimeouts of_this_kernel();

    // The seconds to ask for; 0: ask for nothing. That it must be, and is, where this
    // libfuse gives no way to ask.
    [[nodiscard]] std::uint16_t to_ask_for() const;
    // What the kernel makes of that; 0: a call may wait for ever.
    [[nodiscard]] unsigned effective() const;
    // What a call can't be parked for, and how to change that: a sentence, if there is a limit.
    [[nodiscard]] std::optional<std::string> warning(const std::filesystem::path& device) const;
};

// libfuse 3.14 does not know the field. Adds it to the answer to FUSE_INIT, which libfuse
// is about to write: its header and a fuse_init_out. Nothing, if it is anything else.
void ask_for_timeout(iovec* answer, int parts, std::uint16_t seconds);

} // namespace ipcdev
