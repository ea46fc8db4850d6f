// SPDX-License-Identifier: MIT
#include "accounts.h"

#include <cassert>
#include <new>

namespace ipcdev {

Accounts::Handle Accounts::open(uid_t user) {
    if (user == 0 || user == server_ || user == owner_) {
        return Handle(&privileged_, {this});
    }
    try {
        User& known = users_[user];
        known.uid = user;
        ++known.opens;
        return Handle(&known, {this});
    } catch (const std::bad_alloc&) {
        return {};
    }
}

void Accounts::close(const Account& account) {
    if (&account == &privileged_) {
        return;
    }
    const auto user = users_.find(static_cast<const User&>(account).uid);
    if (--user->second.opens == 0) {
        assert(account.parked + account.copies == 0);
        users_.erase(user);
    }
}

} // namespace ipcdev
