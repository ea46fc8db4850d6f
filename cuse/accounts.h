// SPDX-License-Identifier: MIT
//
// Who has the device open: a user without privilege may have only half of its
// operations parked.
//
// Whose an operation is, is a matter of the open file description, as it is for files:
// of the user who opened it, wherever it is passed to.
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
    // Privileged are root, the one who serves and the `owner` of what is served.
    Accounts(uid_t server, std::optional<uid_t> owner)
        : server_(server), owner_(owner.value_or(server)) {}
    Accounts(const Accounts&) = delete;
    Accounts& operator=(const Accounts&) = delete;

    struct Closing {
        Accounts* accounts = nullptr;
        void operator()(const Account* account) const { accounts->close(*account); }
    };
    // For as long as an open is there. No request is under way when it goes.
    using Handle = std::unique_ptr<Account, Closing>;

    // The account of a user who opens the device. Null if there is no memory.
    [[nodiscard]] Handle open(uid_t user);

  private:
    void close(const Account& account);

    // With the last of the opens it goes.
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
