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

#include <array>
#include <cstddef>
#include <optional>

#include "pages.h"
#include "request.h"

namespace ipcdev {

class Accounts {
  public:
    static constexpr std::size_t count = 1U << 16U; // users who have it open at a time

    // Root, the user who serves and the `owner` of the node or file are privileged. Throws
    // std::bad_alloc.
    Accounts(uid_t server, std::optional<uid_t> owner)
        : server_(server), owner_(owner.value_or(server)), places_(count) {}
    Accounts(const Accounts&) = delete;
    Accounts& operator=(const Accounts&) = delete;
    ~Accounts();

    // The account of a user who opens the device. Null if there are too many users.
    [[nodiscard]] Account* open(uid_t user);
    // Of an open that is gone. Requires: none of its requests is under way.
    void close(Account& account);

    // Of accounts of which none is made, in memory that had others: gives that back.
    void wipe() const { places_.wipe(); }

  private:
    friend class Validation;

    // Unused after the last close.
    struct User : Account {
        ListHook hook;
        Kept<uid_t> uid;
        Kept<std::size_t> opens;
    };
    using Chain = List<User, &User::hook>;

    [[nodiscard]] Chain& chain_of(uid_t user) { return chains_[user % chains_.size()]; }

    const uid_t server_;
    const uid_t owner_;
    Account privileged_{.privileged = true, .parked = 0, .copies = 0};
    Places<User> places_;
    Chain unused_;
    std::array<Chain, 1024> chains_;
};

} // namespace ipcdev
