// SPDX-License-Identifier: MIT
#include "oracle.h"

#include <algorithm>
#include <cerrno>

#include "device_engine.h"

namespace ipcdev::differential {

Oracle::Oracle(const Settings& settings, bool takes_first)
    : engine_(make_device_engine(settings)), takes_first_(takes_first) {
    engine_->look(now_);
}

bool Oracle::parked(std::size_t client) const {
    const auto among = [client](const auto& waiting) {
        return std::ranges::find(waiting, client) != waiting.end();
    };
    return among(now_.readers) || among(now_.writers);
}

bool Oracle::possible(const Step& step) const {
    const Input& input = step.input;
    switch (input.verb) {
    case Verb::read:
        return may_call(input) && (!step.bad_buffer || may_fault(input));
    case Verb::write: // from a bad buffer: another error may come first
        return may_call(input) && !(step.bad_buffer && is_refused(input));
    case Verb::cancel:
        return parked(input.client);
    case Verb::open:
        return !opens_.contains(input.open);
    case Verb::close:
        return opens_.contains(input.open) && !has_parked(input.open);
    default:
        return true;
    }
}

bool Oracle::has_parked(std::size_t open) const {
    const auto is_by_it = [&](std::size_t client) { return by_.at(client) == open; };
    return std::ranges::any_of(now_.readers, is_by_it) ||
           std::ranges::any_of(now_.writers, is_by_it);
}

bool Oracle::may_call(const Input& call) const {
    const auto open = opens_.find(call.open);
    const bool batches = open != opens_.end() && open->second;
    return !parked(call.client) && (batches == call.batch || !has_parked(call.open));
}

// Where the server is not asked, nothing may come of what happens to the others: a writer
// that gets room for a while, a part of a message that somebody left and is begun anew.
bool Oracle::may_fault(const Input& read) const {
    const auto is_part = [](const Queued& stretch) { return stretch.begin != 0; };
    return !is_refused(read) && engine_->mask(read.open).readable &&
           (takes_first_ || (now_.writers.empty() && std::ranges::none_of(now_.queue, is_part)));
}

// Is it a call of 0 bytes, or of a wrong size?
bool Oracle::is_refused(const Input& call) const {
    const std::uint64_t bytes = bytes_of(call);
    const std::uint64_t most = now_.settings.max_message;
    if (bytes == 0 || (call.batch && bytes > IPCDEV_BATCH_BYTES_MAX)) {
        return true;
    }
    if (call.verb == Verb::read) {
        return call.batch && bytes < framed(most);
    }
    return std::ranges::any_of(payloads_of(call),
                               [&](const std::string& payload) { return payload.size() > most; });
}

void Oracle::play(const Step& step, Outcome& outcome) {
    note_opens(step.input);
    if (step.bad_buffer && step.input.verb == Verb::write) {
        outcome = {};
        outcome.completions.push_back(
            {.client = step.input.client, .operation = Operation::write, .error = EFAULT});
        engine_->look(now_); // it may have opened something
        return;
    }
    engine_->apply(step.input, outcome);
    if (step.bad_buffer) {
        fault(step, outcome);
    }
    finish_copies(outcome);
    engine_->look(now_);
}

void Oracle::note_opens(const Input& input) {
    if (input.verb == Verb::open) {
        opens_[input.open] = false;
    } else if (input.verb == Verb::close) {
        opens_.erase(input.open);
    } else if (input.verb == Verb::read || input.verb == Verb::write) {
        if (!opens_.contains(input.open)) {
            Outcome nothing;
            engine_->apply({.verb = Verb::open, .open = input.open}, nothing);
        }
        opens_[input.open] = input.batch;
        by_[input.client] = input.open;
    }
}

// The read got bytes, and they go back.
void Oracle::fault(const Step& step, Outcome& outcome) {
    Outcome after;
    engine_->apply({.verb = Verb::fault, .client = step.input.client}, after);
    for (Completion& ended : outcome.completions) {
        if (ended.client == step.input.client) {
            ended.error = EFAULT;
            ended.done = 0;
        }
    }
    outcome.completions.insert(outcome.completions.end(), after.completions.begin(),
                               after.completions.end());
}

void Oracle::finish_copies(const Outcome& outcome) {
    Outcome nothing;
    for (const Completion& ended : outcome.completions) {
        if (ended.operation == Operation::read && ended.done != 0) {
            engine_->apply({.verb = Verb::copied, .client = ended.client}, nothing);
        }
    }
}

} // namespace ipcdev::differential
