// SPDX-License-Identifier: MIT
#include "request_timeout.h"

#include <fuse_lowlevel.h>
#include <linux/fuse.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <limits>

namespace ipcdev {

namespace {

// From FUSE 7.43; the header that this is built with may be older.
constexpr std::uint32_t init_ext = 1U << 30U;               // FUSE_INIT_EXT: there is a flags2
constexpr std::uint32_t request_timeout = 1U << (42U - 32); // FUSE_REQUEST_TIMEOUT in flags2
constexpr std::size_t request_timeout_at = 40; // in fuse_init_out, behind max_stack_depth
static_assert(sizeof(fuse_init_out) == 64 && offsetof(fuse_init_out, flags2) == 32);

// fuse_session_custom_io
constexpr bool libfuse_can_ask = FUSE_VERSION >= FUSE_MAKE_VERSION(3, 13);

constexpr std::uint16_t longest = std::numeric_limits<std::uint16_t>::max();

unsigned setting(const char* name) {
    unsigned seconds = 0;
    std::ifstream(std::string("/proc/sys/fs/fuse/") + name) >> seconds;
    return seconds;
}

void set_bits(std::byte* field, std::uint32_t bits) {
    std::uint32_t value = 0;
    std::memcpy(&value, field, sizeof(value));
    value |= bits;
    std::memcpy(field, &value, sizeof(value));
}

} // namespace

RequestTimeouts RequestTimeouts::of_this_kernel() {
    return {.by_default = setting("default_request_timeout"),
            .most = setting("max_request_timeout")};
}

// Asks only if there is a default: otherwise asking would cause a timeout.
std::uint16_t RequestTimeouts::to_ask_for() const {
    return libfuse_can_ask && by_default != 0 ? longest : 0;
}

// Like the kernel's init_server_timeout().
unsigned RequestTimeouts::effective() const {
    const unsigned wanted = to_ask_for() != 0 ? to_ask_for() : by_default;
    if (most == 0 || wanted == 0) {
        return most + wanted; // the one that there is
    }
    return std::min(wanted, most);
}

std::optional<std::string> RequestTimeouts::warning(const std::filesystem::path& device) const {
    if (effective() == 0) {
        return std::nullopt;
    }
    const std::string cure =
        std::string(by_default != 0 ? " fs.fuse.default_request_timeout=0" : "") +
        (most != 0 ? " fs.fuse.max_request_timeout=0" : "");
    return "this kernel ends " + device.string() + " when a call waits for more than " +
           std::to_string(effective()) + " seconds. Run 'sysctl" + cure +
           "' as root, then start again; or use --transport cuse, which has no such limit";
}

void ask_for_timeout(iovec* answer, int parts, std::uint16_t seconds) {
    if (seconds == 0 || parts != 2 || answer[1].iov_len != sizeof(fuse_init_out)) {
        return;
    }
    auto* out = static_cast<std::byte*>(answer[1].iov_base);
    set_bits(out + offsetof(fuse_init_out, flags), init_ext);
    set_bits(out + offsetof(fuse_init_out, flags2), request_timeout);
    std::memcpy(out + request_timeout_at, &seconds, sizeof(seconds));
}

} // namespace ipcdev
