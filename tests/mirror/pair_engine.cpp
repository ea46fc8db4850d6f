// SPDX-License-Identifier: MIT
#include "pair_engine.h"

#include <utility>

#include "trace_words.h"

namespace ipcdev::test {

PairEngine::PairEngine(std::unique_ptr<Engine> first, std::unique_ptr<Engine> second)
    : first_(std::move(first)), second_(std::move(second)) {}

void PairEngine::apply(const Input& input, Outcome& outcome) {
    first_->apply(input, outcome);
    second_->apply(input, second_outcome_);
    if (complaint_.empty()) {
        complaint_ = compare(input, outcome);
    }
}

std::string PairEngine::compare(const Input& input, const Outcome& outcome) {
    if (outcome != second_outcome_) {
        std::string text = "the mirror's outcome differs:";
        for (const std::string& line : outcome_text(input, second_outcome_, Names())) {
            text += ' ' + line + ';';
        }
        return text;
    }
    first_->look(first_seen_);
    second_->look(second_seen_);
    if (first_seen_ != second_seen_) {
        return "what can be seen of the mirror differs";
    }
    first_->look_inside(first_inside_);
    second_->look_inside(second_inside_);
    return first_inside_ == second_inside_ ? "" : "what the mirror keeps inside differs";
}

} // namespace ipcdev::test
