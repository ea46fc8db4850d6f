// SPDX-License-Identifier: MIT
#include "privileges.h"

#include <sys/prctl.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include <spdlog/spdlog.h>

namespace ipcdev {

namespace {

struct Free {
    void operator()(cap_t capabilities) const { cap_free(capabilities); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, Free>;

// Those that are permitted become effective, or none does.
void set_effective(bool raised) {
    const Capabilities now(cap_get_proc());
    if (now == nullptr) {
        return;
    }
    for (cap_value_t value = 0; value <= cap_max_bits(); ++value) {
        cap_flag_value_t permitted = CAP_CLEAR;
        cap_get_flag(now.get(), value, CAP_PERMITTED, &permitted);
        const bool on = raised && permitted == CAP_SET;
        cap_set_flag(now.get(), CAP_EFFECTIVE, 1, &value, on ? CAP_SET : CAP_CLEAR);
    }
    cap_set_proc(now.get());
}

} // namespace

void keep_privileges_only(std::initializer_list<cap_value_t> kept) {
    const Capabilities now(cap_get_proc());
    const Capabilities next(cap_init()); // none at all
    if (now == nullptr || next == nullptr) {
        spdlog::warn("can't drop privileges: {}", std::strerror(errno));
        return;
    }
    for (const cap_value_t value : kept) {
        cap_flag_value_t permitted = CAP_CLEAR;
        cap_get_flag(now.get(), value, CAP_PERMITTED, &permitted);
        cap_set_flag(next.get(), CAP_PERMITTED, 1, &value, permitted);
    }
    if (cap_set_proc(next.get()) == -1 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) {
        spdlog::warn("can't drop privileges: {}", std::strerror(errno));
    }
}

RaisedPrivileges::RaisedPrivileges() {
    set_effective(true);
}

RaisedPrivileges::~RaisedPrivileges() {
    set_effective(false);
}

} // namespace ipcdev
