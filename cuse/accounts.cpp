// SPDX-License-Identifier: MIT
#include "accounts.h"

#include <cassert>

namespace ipcdev {

Accounts::~Accounts() {
    while (unused_.pop_front() != nullptr) {
    }
}

Account* Accounts::open(uid_t user) {
    if (user == 0 || user == server_ || user == owner_) {
        return &privileged_;
    }
    Chain& chain = chain_of(user);
    User* known = chain.front();
    while (known != nullptr && known->uid != user) {
        known = chain.next(*known);
    }
    if (known == nullptr) {
        known = unused_.pop_front();
        known = known != nullptr ? known : places_.make();
        if (known == nullptr) {
            return nullptr;
        }
        known->uid = user;
        chain.push_back(*known);
    }
    ++known->opens;
    return known;
}

void Accounts::close(Account& account) {
    if (&account == &privileged_) {
        return;
    }
    auto& user = static_cast<User&>(account);
    --user.opens;
    if (user.opens == 0) {
        assert(account.parked + account.copies == 0);
        chain_of(user.uid).erase(user);
        unused_.push_front(user);
    }
}

} // namespace ipcdev
