// SPDX-License-Identifier: MIT
//
// Root starts the daemon; serving needs none of root's powers.
#pragma once

#include <sys/types.h>

namespace ipcdev {

struct Identity {
    uid_t user;
    gid_t group;
};

// Whom root becomes.
struct ServingUser {
    Identity identity{};
    bool is_asked_for = false; // or the one who is there for it
};

// ipcdev if there is such a user, else nobody.
[[nodiscard]] ServingUser default_serving_user();

// Gives up every capability and the means to get others (PR_SET_NO_NEW_PRIVS). Root
// becomes another user as well. Where it may not, as in a container without
// CAP_SETUID, it stays user 0 without capabilities; but one who is asked for, and
// can't be become, throws CannotServe.
void drop_privileges(const ServingUser& wanted);

// For root's unmounter: all but CAP_SYS_ADMIN is given up.
void keep_only_the_right_to_mount();

} // namespace ipcdev
