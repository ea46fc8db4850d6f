// SPDX-License-Identifier: MIT
//
// Counts what was done, by kind, to show that a run covered enough.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "oracle.h"

namespace ipcdev::differential {

class Counts {
  public:
    // `before`: what was to be seen before the step.
    void add(const Step& step, const Outcome& outcome, const Snapshot& before);
    [[nodiscard]] std::uint64_t steps() const { return steps_; }
    // Lines of `name number`.
    [[nodiscard]] std::string text() const;

  private:
    std::uint64_t steps_ = 0;
    std::map<std::string, std::uint64_t> numbers_;
};

} // namespace ipcdev::differential
