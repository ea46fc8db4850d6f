// SPDX-License-Identifier: MIT
//
// When two moments are the same for all that can follow: the canonical form of a
// state, for the walk.
//
// Left out, because nothing that follows depends on it: the counters, who of the
// clients is who, which message came how-manieth, bytes that are gone. Kept: the
// settings, the line in order with every cut and with which piece holds it, the
// parked calls in order, the copies, and what is to become of their messages.
#pragma once

#include <array>
#include <utility>

#include "ledger.h"

namespace ipcdev::test {

class WalkKey {
  public:
    // Valid until the next call. A ledger and a snapshot of the same moment.
    [[nodiscard]] const std::string& of(const Ledger& ledger, const Snapshot& snapshot);

  private:
    using Stretch = Ledger::Stretch;
    // All of a copy but which message it is of, unless the line has that too.
    using CopyKey = std::array<std::uint32_t, 7>;

    void collect(const Ledger& ledger);
    [[nodiscard]] std::uint32_t place(const Stretch& stretch) const;
    [[nodiscard]] CopyKey copy_key(const Ledger& ledger, const Ledger::Client& client) const;
    void add(std::uint32_t part) { text_ += static_cast<char>('0' + part); }
    void add(const Stretch& stretch);

    // Kept from call to call for their memory.
    std::vector<std::pair<CopyKey, Stretch>> copies_;
    std::vector<Stretch> live_;           // in the line or being copied, by message and place
    std::vector<std::uint32_t> messages_; // in order of appearance
    std::string text_;
};

} // namespace ipcdev::test
