// SPDX-License-Identifier: MIT
//
// The words of the trace language: one input is one line, one output is one line.
//
//   A: read 100              B: write "hello"          A: cancel
//   A: read 100 nonblock     B: write "x"*5000         A: cancel ENODEV
//   A: read 100 held         B: write "x" nonblock     A: copied
//   A: read 100 batch        B: write "x" "yz" batch   A: fault
//   A: read 100 user=1       B: write "x" user=2
//   A: read 100 open=F       B: write "x" open=F
//   open F, close F, clear   configure mode=slot
//
// `held` leaves the copy to the reader under way until `copied` or `fault`;
// without it the copy is over at once. `user` is whose call it is, of those without
// privilege; without it the caller is privileged. `open` is by which open it comes; without
// it by the one that has the client's name. Clients and opens are named by letters and digits.
//
//   A: done 5 "hello"        B: done 5                 A: EAGAIN
//   A: parked                A: not parked             edge: readable writable
//   A: done 32 "x" remainder "z"
//
// A batch counts the bytes of frames, 8 and a multiple of 8 each; `remainder` is
// before a text that is not the whole message.
//
// Parsing throws std::invalid_argument with a sentence for the author.
#pragma once

#include <map>
#include <string_view>

#include "engine.h"

namespace ipcdev::test {

// The names of clients and opens, by their number, in order of first use. Those of the same
// name have the same number.
class Names {
  public:
    [[nodiscard]] std::size_t number(std::string_view name);
    // One that no trace has named is A, B, ... Z, then C26, C27, ...
    [[nodiscard]] std::string name(std::size_t number) const;

  private:
    std::vector<std::string> names_;
    std::map<std::string, std::size_t, std::less<>> numbers_;
};

struct Line {
    Input input;
    bool held = false;
};

[[nodiscard]] Line parse_input(std::string_view text, Names& names);
[[nodiscard]] std::string input_text(const Input& input, const Names& names, bool held = false);

// The lines that show an outcome.
[[nodiscard]] std::vector<std::string> outcome_text(const Input& input, const Outcome& outcome,
                                                    const Names& names);
[[nodiscard]] std::string mask_text(const PollMask& mask);
[[nodiscard]] std::string mode_text(Mode mode);

// `mode=fifo depth=4 max_message=16`, each word optional.
[[nodiscard]] SettingsChange parse_settings(std::string_view text);
[[nodiscard]] std::string settings_text(const SettingsChange& change);
[[nodiscard]] std::string settings_text(const Settings& settings);

// ` operations=3 per_user=2 copies=1`, those that are not the device's own. Parsing
// takes these words out of the text.
[[nodiscard]] Limits parse_limits(std::string& text);
[[nodiscard]] std::string limits_text(const Limits& limits);

// Splits at blanks; a quoted string is one word.
[[nodiscard]] std::vector<std::string_view> words(std::string_view text);

} // namespace ipcdev::test
