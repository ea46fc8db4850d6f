// SPDX-License-Identifier: MIT
//
// Two engines that get the same inputs and must do the same. It returns what the first
// does; complaint() says where the second first differed, in an outcome, in its visible
// state, or in its internal state.
#pragma once

#include "engine.h"

namespace ipcdev::test {

class PairEngine final : public Engine {
  public:
    PairEngine(std::unique_ptr<Engine> first, std::unique_ptr<Engine> second);

    void apply(const Input& input, Outcome& outcome) override;
    [[nodiscard]] PollMask mask(std::size_t open) const override { return first_->mask(open); }
    void look(Snapshot& snapshot) const override { first_->look(snapshot); }
    void look_inside(Inside& inside) const override { first_->look_inside(inside); }
    [[nodiscard]] std::string complaint() const override { return complaint_; }

  private:
    [[nodiscard]] std::string compare(const Input& input, const Outcome& outcome);

    std::unique_ptr<Engine> first_;
    std::unique_ptr<Engine> second_;
    Outcome second_outcome_; // kept, so that their memory is
    Snapshot first_seen_, second_seen_;
    Inside first_inside_, second_inside_;
    std::string complaint_;
};

} // namespace ipcdev::test
