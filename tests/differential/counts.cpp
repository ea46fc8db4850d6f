// SPDX-License-Identifier: MIT
#include "counts.h"

#include <algorithm>

#include "support/errno_words.h"

namespace ipcdev::differential {

namespace {

std::string verb_name(Verb verb) {
    switch (verb) {
    case Verb::open:
        return "open";
    case Verb::close:
        return "close";
    case Verb::read:
        return "read";
    case Verb::write:
        return "write";
    case Verb::cancel:
        return "interrupt";
    case Verb::clear:
        return "clear";
    default:
        return "configure";
    }
}

bool has_begun(const Snapshot& now, std::size_t open) {
    return std::ranges::find(now.begun, open, &Begun::open) != now.begun.end();
}

} // namespace

void Counts::add(const Step& step, const Outcome& outcome, const Snapshot& before) {
    ++steps_;
    const std::string verb = verb_name(step.input.verb);
    ++numbers_[verb];
    if (outcome.parked) {
        ++numbers_[verb + ", parked"];
    }
    if (step.input.batch) {
        ++numbers_[verb + ", batch"];
    }
    if (step.bad_buffer) {
        ++numbers_[verb + ", bad buffer"];
    }
    if (step.input.verb == Verb::configure && outcome.error == 0) {
        ++numbers_[verb + ", done"];
    }
    const bool begun = has_begun(before, step.input.open);
    if (step.input.verb == Verb::close && begun) {
        ++numbers_[verb + ", of a begun message"];
    }
    const bool own = is_call(step);
    for (const Completion& ended : outcome.completions) {
        if (!own || ended.client != step.input.client) {
            ++numbers_[step.input.verb == Verb::cancel ? "parked calls ended by a signal"
                       : ended.begin != 0              ? "parked reads that went on"
                                                       : "parked calls ended by others"];
        } else if (ended.error != 0) {
            ++numbers_[verb + ", " + errno_text(ended.error)];
        } else if (ended.operation == Operation::read && begun) {
            ++numbers_["read, of a begun message"];
        } else if (step.input.batch && ended.operation == Operation::write &&
                   ended.done < bytes_of(step.input)) {
            ++numbers_["write, batch in part"];
        } else if (ended.frames.size() > 1) {
            ++numbers_["read, batch of several"];
        }
    }
}

std::string Counts::text() const {
    std::string text;
    for (const auto& [name, number] : numbers_) {
        text += "  " + name + std::string(34 - std::min<std::size_t>(name.size(), 33), ' ') +
                std::to_string(number) + '\n';
    }
    return text;
}

} // namespace ipcdev::differential
