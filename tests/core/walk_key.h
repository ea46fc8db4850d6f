// SPDX-License-Identifier: MIT
//
// When two moments are the same for all that can follow: the canonical form of a
// state, for the walk.
//
// Left out, because nothing that follows depends on it: the counters, who of the
// clients is who, which message came how-manieth, bytes that are gone. Kept: the
// settings, the line in order with every cut and with which piece holds it, the
// parked calls in order, whose they are and what is left of them, the copies, and what
// is to become of their messages.
#pragma once

#include <string>
#include <vector>

#include "ledger.h"

namespace ipcdev::test {

class WalkKey {
  public:
    // `frames`: there are batch reads, which tell a whole message from a remainder.
    explicit WalkKey(bool frames) : frames_(frames) {}

    // Valid until the next call. A ledger and a snapshot of the same moment.
    [[nodiscard]] const std::string& of(const Ledger& ledger, const Snapshot& snapshot);

  private:
    using Stretch = Ledger::Stretch;
    // All of a copy but which messages it is of, unless the line has those too.
    struct Copy {
        const Ledger::Client* client = nullptr;
        std::string key{};
    };

    void collect(const Ledger& ledger);
    [[nodiscard]] std::uint32_t place(const Stretch& stretch) const;
    static void add(std::string& text, std::uint32_t part) {
        text += static_cast<char>('0' + part);
    }
    static void add_user(std::string& text, std::size_t user) {
        text += user == 0 ? "" : "u";
        text.append(user, '\'');
    }
    void add(std::uint32_t part) { add(text_, part); }
    void add(const Ledger& ledger, const Stretch& stretch);
    void add(const Ledger::Client& parked);
    void add_copies(const Ledger& ledger);
    void describe(Copy& copy, const Ledger& ledger) const;

    const bool frames_;
    // Kept from call to call for their memory.
    std::vector<Copy> copies_;
    std::vector<Stretch> live_;           // in the line or being copied, by message and place
    std::vector<std::uint32_t> messages_; // in order of appearance
    std::string text_;
};

} // namespace ipcdev::test
