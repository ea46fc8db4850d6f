// SPDX-License-Identifier: MIT
//
// Drops root's privileges: root may start the daemon, but serving needs none of them.
#pragma once

#include <sys/types.h>

namespace ipcdev {

struct Identity {
    uid_t user;
    gid_t group;
};

// The user that root switches to.
struct ServingUser {
    Identity identity{};
    bool is_asked_for = false; // by --user; otherwise it is the default
};

// ipcdev if that user exists, else nobody.
[[nodiscard]] ServingUser default_serving_user();

// Gives up all capabilities and the means to regain any (PR_SET_NO_NEW_PRIVS). Root also
// switches to `wanted`. Where it may not, as in a container without CAP_SETUID, it stays
// user 0 without capabilities, or, if the user was asked for, throws CannotServe.
void drop_privileges(const ServingUser& wanted);

// For root's unmounter: gives up everything but CAP_SYS_ADMIN.
void keep_only_the_right_to_mount();

} // namespace ipcdev
