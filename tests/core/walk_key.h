// SPDX-License-Identifier: MIT
//
// When two moments are the same for all that can follow: the canonical form of a
// state, for the walk.
//
// Left out, because nothing that follows depends on it: the counters, which of the clients
// and of the opens is which, which message came how-manieth, bytes that are gone. Kept: the
// settings, the line in order with every cut and with which piece holds it, the parked
// calls in order, whose they are, by which open they read and what is left of them, and of
// each open what it has begun and the copies under way. Of a message that can be whole
// again: whether CLEAR came after it and, where the newest wins, its age among them.
#pragma once

#include <string>
#include <vector>

#include "ledger.h"

namespace ipcdev::test {

class WalkKey {
  public:
    // Valid until the next call. A ledger and a snapshot of the same moment.
    [[nodiscard]] const std::string& of(const Ledger& ledger, const Snapshot& snapshot);

  private:
    using Stretch = Ledger::Stretch;

    // All that is of one open: what waits of a message that it has begun waits here, and what
    // is copied of it is copied here. So messages have numbers of their own in each.
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

    // Kept from call to call for their memory.
    std::vector<Part> parts_;
    std::vector<std::size_t> shown_;      // opens, in the order in which the text has them
    std::vector<std::string> copies_;     // of one open, each without its messages' numbers
    std::vector<std::size_t> clients_;    // of these copies
    std::vector<Stretch> live_;           // that wait or are copied, by message and place
    std::vector<std::uint32_t> messages_; // in order of appearance
    std::string text_;
};

} // namespace ipcdev::test
