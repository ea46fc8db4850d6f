// SPDX-License-Identifier: MIT
//
// Root starts the daemon; serving needs none of root's powers.
#pragma once

#include <sys/capability.h>

#include <initializer_list>

namespace ipcdev {

// Drops every capability but `kept`, which stay dormant until raised, and the
// means to get others (PR_SET_NO_NEW_PRIVS, so no setuid program works either).
void keep_privileges_only(std::initializer_list<cap_value_t> kept);

// While it lives, the capabilities that were kept are in effect.
class RaisedPrivileges {
  public:
    RaisedPrivileges();
    ~RaisedPrivileges();
    RaisedPrivileges(const RaisedPrivileges&) = delete;
    RaisedPrivileges& operator=(const RaisedPrivileges&) = delete;
};

} // namespace ipcdev
