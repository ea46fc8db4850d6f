// SPDX-License-Identifier: MIT
#include "privileges.h"

#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>

#include <spdlog/spdlog.h>

#include "session.h"

namespace ipcdev {

namespace {

constexpr Identity overflow{.user = 65534, .group = 65534}; // nobody, where that has no name

struct Free {
    void operator()(cap_t capabilities) const { cap_free(capabilities); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, Free>;

// Keeps those that the process has. On failure false, with errno, and nothing changes.
bool keep_capabilities(std::initializer_list<cap_value_t> kept) {
    const Capabilities now(cap_get_proc());
    const Capabilities next(cap_init()); // none at all
    if (now == nullptr || next == nullptr) {
        return false;
    }
    for (const cap_value_t value : kept) {
        cap_flag_value_t permitted = CAP_CLEAR;
        cap_get_flag(now.get(), value, CAP_PERMITTED, &permitted);
        for (const cap_flag_t set : {CAP_PERMITTED, CAP_EFFECTIVE}) {
            cap_set_flag(next.get(), set, 1, &value, permitted);
        }
    }
    return cap_set_proc(next.get()) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

bool set_identity(const Identity& identity) {
    return setgroups(0, nullptr) == 0 &&
           setresgid(identity.group, identity.group, identity.group) == 0 &&
           setresuid(identity.user, identity.user, identity.user) == 0;
}

} // namespace

ServingUser default_serving_user() {
    for (const char* name : {"ipcdev", "nobody"}) {
        if (const passwd* user = getpwnam(name)) {
            return {.identity = {.user = user->pw_uid, .group = user->pw_gid}};
        }
    }
    return {.identity = overflow};
}

void drop_privileges(const ServingUser& wanted) {
    const uid_t user = wanted.identity.user;
    if (geteuid() == 0) {
        if (!set_identity(wanted.identity)) {
            const std::string why =
                "can't become user " + std::to_string(user) + ": " + std::strerror(errno);
            if (wanted.is_asked_for) {
                throw CannotServe(why +
                                  ". Leave out --user, or start it with the privilege to do so");
            }
            spdlog::info("stays user 0, without privileges: {}", why);
        }
    } else if (wanted.is_asked_for && user != geteuid()) {
        throw CannotServe("only root can serve as another user: leave out --user, or run as root");
    }
    if (!keep_capabilities({})) {
        spdlog::warn("can't drop privileges: {}", std::strerror(errno));
    }
}

void keep_only_the_right_to_mount() {
    keep_capabilities({CAP_SYS_ADMIN});
}

} // namespace ipcdev
