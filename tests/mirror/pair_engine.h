// SPDX-License-Identifier: MIT
//
// Two engines that are given the same inputs and must do the same. It answers as
// the first does; complaint() says where the second differed first, in what came
// of an input, in what can be seen, or in what is kept inside.
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
