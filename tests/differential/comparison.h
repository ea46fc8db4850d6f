// SPDX-License-Identifier: MIT
//
// Compares a live device with the core. Each step goes to the core first, which says which
// calls end, and how; no others may end. After each step it compares the poll masks of the
// step's open and of one that has begun nothing, and checks that no other call ended. From
// time to time, or each time, it compares everything: poll of every open, INFO, STATS,
// WAITERS.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "live.h"
#include "oracle.h"

namespace ipcdev::differential {

enum class Looks : std::uint8_t { now_and_then, each_time };

class Comparison {
  public:
    // Resets the device to the settings.
    Comparison(Live& live, const Settings& settings, Looks looks, const Names& names = {});

    [[nodiscard]] const Oracle& oracle() const { return oracle_; }
    [[nodiscard]] const Outcome& outcome() const { return outcome_; } // of the last step

    // What differs, as lines; empty if nothing does. After a difference the two can't be
    // compared any more.
    [[nodiscard]] std::string play(const Step& step);
    // Compares everything.
    [[nodiscard]] std::string look_closely();

  private:
    // What `compare` says, or what it throws.
    [[nodiscard]] static std::string caught(const std::function<std::string()>& compare);
    std::string act(const Step& step);
    std::string expect_direct(const Step& step);
    std::string expect_answers(const Step& step, bool own_too);
    std::string expect(const Completion& expected, const Answer& answer) const;
    std::string look(std::size_t open);
    std::string compare_all_masks();
    [[nodiscard]] std::string answered_unasked();

    Live& live_;
    Oracle oracle_;
    const Looks looks_;
    const Names names_; // of the clients, for the lines
    Outcome outcome_;
    ipcdev_stats before_{};        // the counters when it began
    std::vector<Step> last_calls_; // by client
    std::uint64_t steps_ = 0;
};

} // namespace ipcdev::differential
