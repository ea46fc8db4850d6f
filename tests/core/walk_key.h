// SPDX-License-Identifier: MIT
//
// The canonical form of a state, for the walk: two states with the same key behave the same
// from then on.
//
// The key leaves out what the future does not depend on: counters, the identity of clients
// and opens, the numbers of messages, and bytes that are gone. It keeps the settings; the
// line in order, with the bounds and the kind of each piece; the parked calls in order, with
// their user, their open and what is left of them; and for each open what it has begun and
// the copies under way. For a message that may become whole again it also keeps whether
// CLEAR came after it and, in a ring, its age rank among these.
#pragma once

#include <string>
#include <vector>

#include "ledger.h"

namespace ipcdev::test {

class WalkKey {
  public:
    // Valid until the next call. Requires: ledger and snapshot are of the same state.
    [[nodiscard]] const std::string& of(const Ledger& ledger, const Snapshot& snapshot);

  private:
    using Stretch = Ledger::Stretch;

    // What belongs to one open. All waiting bytes and all copies of a message that the open
    // has begun are here, so each part numbers its messages by itself.
    struct Part {
        std::size_t open = 0;
        std::string text{};
    };

    void collect(const Ledger& ledger);
    void add_line(const Ledger& ledger, const Snapshot& snapshot);
    void add_waiting(const Ledger& ledger);
    void add_parts();
    void describe(Part& part, const Ledger& ledger, const Snapshot& snapshot);
    void describe_copies(Part& part, const Ledger& ledger);
    [[nodiscard]] std::uint32_t number(std::uint32_t message);
    [[nodiscard]] std::uint32_t place(const Stretch& stretch) const;
    void add(std::string& text, const Ledger& ledger, const Stretch& stretch) const;
    static void add(std::string& text, std::uint32_t part) {
        text += static_cast<char>('0' + part);
    }
    static void add_user(std::string& text, std::size_t user) {
        text += user == 0 ? "" : "u";
        text.append(user, '\'');
    }

    // Members only to reuse their memory from call to call.
    std::vector<Part> parts_;
    std::vector<std::size_t> shown_;      // opens, in their order in the text
    std::vector<std::string> copies_;     // of one open, each without message numbers
    std::vector<std::size_t> clients_;    // that make these copies
    std::vector<Stretch> live_;           // waiting or being copied, by message and offset
    std::vector<std::uint32_t> messages_; // in order of appearance
    std::string text_;
};

} // namespace ipcdev::test
