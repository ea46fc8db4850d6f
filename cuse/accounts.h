// SPDX-License-Identifier: MIT
//
// The users who have the device open. One without privilege may hold only half of the
// places for operations that are parked or being copied out.
//
// An operation counts for the user who opened the open file description, as access to
// files does, no matter which process it is passed to.
//
// Not thread-safe: callers serialise.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <unordered_map>

#include "request.h"

namespace ipcdev {

class Accounts {
  public:
    // Root, the user who serves and the `owner` of the node or file are privileged.
    Accounts(uid_t server, std::optional<uid_t> owner)
        : server_(server), owner_(owner.value_or(server)) {}
    Accounts(const Accounts&) = delete;
    Accounts& operator=(const Accounts&) = delete;

    struct Closing {
        Accounts* accounts = nullptr;
        void operator()(const Account* account) const { accounts->close(*account); }
    };
    // Held by each open. Requires: none of its requests is under way when it is destroyed.
    using Handle = std::unique_ptr<Account, Closing>;

    // The account of a user who opens the device. Null if there is no memory.
    [[nodiscard]] Handle open(uid_t user);

  private:
    void close(const Account& account);

    // Erased with the last open.
    struct User : Account {
        uid_t uid = 0;
        std::size_t opens = 0;
    };

    const uid_t server_;
    const uid_t owner_;
    Account privileged_{.privileged = true};
    std::unordered_map<uid_t, User> users_; // its elements stay where they are
};

} // namespace ipcdev
