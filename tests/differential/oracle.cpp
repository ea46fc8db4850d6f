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
        if (step.bad_buffer &&
            (is_refused(input) || now_.queue.empty() || (!takes_first_ && !now_.writers.empty()))) {
            return false;
        }
        return !parked(input.client);
    case Verb::write:
        if (step.bad_buffer && is_refused(input)) {
            return false; // another error may come first
        }
        return !parked(input.client);
    case Verb::cancel:
        return parked(input.client);
    case Verb::close:
        return now_.gauges.opens > 0;
    default:
        return true;
    }
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
    if (step.bad_buffer && step.input.verb == Verb::write) {
        outcome = {};
        outcome.completions.push_back(
            {.client = step.input.client, .operation = Operation::write, .error = EFAULT});
        return;
    }
    engine_->apply(step.input, outcome);
    if (step.bad_buffer) {
        fault(step, outcome);
    }
    finish_copies(outcome);
    engine_->look(now_);
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
