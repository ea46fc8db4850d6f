// SPDX-License-Identifier: MIT
#include "comparison.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "frames.h"
#include "looks.h"
#include "support/errno_words.h"

namespace ipcdev::differential {

namespace {

constexpr std::uint64_t info_every = 4; // steps
constexpr std::uint64_t stats_every = 16;
constexpr std::uint64_t opens_every = 128;

// Only a module knows a bad buffer no sooner than it has taken the message.
bool takes_first(const ipcdev_info& info) {
    return info.server == IPCDEV_SERVER_MODULE;
}

std::string error_text(int error) {
    return error == 0 ? "done" : errno_text(error);
}

// `done 5 "hello"`
std::string result_text(const Completion& ended) {
    if (ended.error != 0) {
        return error_text(ended.error);
    }
    Outcome outcome;
    outcome.completions.push_back(ended);
    const std::string line = outcome_text({}, outcome, {}).front(); // with a client's name
    constexpr std::size_t enough = 400;                             // to read
    return line.substr(line.find(' ') + 1, enough) + (line.size() > enough ? "..." : "");
}

Operation operation_of(const Step& step) {
    return step.input.verb == Verb::read ? Operation::read : Operation::write;
}

Completion completion_of(const Step& call, const Answer& answer) {
    Completion ended{
        .client = call.input.client,
        .operation = operation_of(call),
        .error = answer.error,
        .done = static_cast<std::uint32_t>(std::clamp<ssize_t>(answer.result, 0, UINT32_MAX)),
        .text = answer.bytes};
    if (call.input.batch) {
        if (auto frames = parse_frames(answer.bytes)) {
            ended.frames = std::move(*frames);
            ended.text.clear();
        }
    }
    return ended;
}

bool same(const Completion& ended, const Completion& expected) {
    const auto same_frame = [](const Frame& a, const Frame& b) {
        return a.text == b.text && a.remainder == b.remainder;
    };
    return ended.error == expected.error && ended.done == expected.done &&
           (expected.error != 0 || (ended.text == expected.text &&
                                    std::ranges::equal(ended.frames, expected.frames, same_frame)));
}

} // namespace

Comparison::Comparison(Live& live, const Settings& settings, Looks looks, const Names& names)
    : live_(live), oracle_(settings, takes_first(live.info())), looks_(looks), names_(names) {
    live_.reset(settings);
    before_ = live_.stats();
}

std::string Comparison::play(const Step& step) {
    std::string difference = caught([&] { return act(step); });
    ++steps_;
    if (difference.empty()) {
        difference = caught([&] { return look(step.input.open); });
    }
    return difference.empty() ? "" : step_text(step, names_) + '\n' + difference;
}

std::string Comparison::look_closely() {
    return caught([this] {
        std::string text = answered_unasked() + compare_all_masks() +
                           compare_info(live_, oracle_.now()) +
                           compare_stats(live_, oracle_.now(), before_) +
                           compare_waiters(live_, oracle_.now(), last_calls_, names_);
        if (text.empty()) {
            live_.wait_for_opens();
        }
        return text;
    });
}

std::string Comparison::caught(const std::function<std::string()>& compare) {
    try {
        return compare();
    } catch (const std::runtime_error& problem) { // Surprise, or an ioctl that failed
        return std::string(problem.what()) + '\n';
    }
}

// Both do it, and what ends is compared.
std::string Comparison::act(const Step& step) {
    const Input& input = step.input;
    if (is_call(step)) {
        last_calls_.resize(std::max(last_calls_.size(), input.client + 1));
        last_calls_[input.client] = step;
    }
    oracle_.play(step, outcome_);
    if (!outcome_.parked) {
        return expect_direct(step);
    }
    if (live_.park(step)) {
        return expect_answers(step, true);
    }
    const Completion ended = completion_of(step, live_.answer(input.client));
    return names_.name(ended.client) + ": " + result_text(ended) + ", the core parks it\n";
}

// A step that ends at once: done by this thread.
std::string Comparison::expect_direct(const Step& step) {
    switch (step.input.verb) {
    case Verb::open:
        live_.open(step.input.open);
        break;
    case Verb::close:
        live_.close(step.input.open);
        break;
    case Verb::clear:
        live_.clear();
        break;
    case Verb::configure:
        if (const int error = live_.configure(step.input.change); error != outcome_.error) {
            return error_text(error) + ", the core says " + error_text(outcome_.error) + '\n';
        }
        break;
    case Verb::cancel:
        live_.interrupt(step.input.client);
        break;
    default: {
        const Answer answer = live_.call(step);
        const auto own =
            std::ranges::find(outcome_.completions, step.input.client, &Completion::client);
        std::string difference = expect(*own, answer);
        return difference.empty() ? expect_answers(step, false) : difference;
    }
    }
    return expect_answers(step, true);
}

// Of the calls that the step ends; they were parked.
std::string Comparison::expect_answers(const Step& step, bool own_too) {
    for (const Completion& expected : outcome_.completions) {
        if (!own_too && expected.client == step.input.client) {
            continue;
        }
        try {
            const std::string difference = expect(expected, live_.answer(expected.client));
            if (!difference.empty()) {
                return difference;
            }
        } catch (const Surprise& problem) {
            return names_.name(expected.client) + ": " + problem.what() + ", the core says " +
                   result_text(expected) + '\n';
        }
    }
    return "";
}

std::string Comparison::expect(const Completion& expected, const Answer& answer) const {
    const Completion ended = completion_of(last_calls_[expected.client], answer);
    if (same(ended, expected)) {
        return "";
    }
    return names_.name(ended.client) + ": " + result_text(ended) +
           (live_.was_interrupted() ? " (interrupted, since it hung)" : "") + ", the core says " +
           result_text(expected) + '\n';
}

std::string Comparison::compare_all_masks() {
    std::vector<std::size_t> opens{no_open};
    for (const OpenMask& mask : oracle_.now().masks) {
        opens.push_back(mask.open);
    }
    return compare_masks(live_, oracle_.now(), opens, names_);
}

// What can be seen after a step of that open, or some of it.
std::string Comparison::look(std::size_t open) {
    if (looks_ == Looks::each_time) {
        return look_closely();
    }
    std::string difference = answered_unasked();
    if (steps_ % info_every == 0) {
        difference += compare_all_masks() + compare_info(live_, oracle_.now());
    } else {
        const bool is_open = oracle_.is_open(open);
        difference +=
            compare_masks(live_, oracle_.now(), {no_open, is_open ? open : no_open}, names_);
    }
    if (steps_ % stats_every == 0) {
        difference += compare_stats(live_, oracle_.now(), before_) +
                      compare_waiters(live_, oracle_.now(), last_calls_, names_);
    }
    if (difference.empty() && steps_ % opens_every == 0) {
        live_.wait_for_opens();
    }
    return difference;
}

std::string Comparison::answered_unasked() {
    const auto client = live_.answered_unasked();
    if (!client) {
        return "";
    }
    const Completion ended = completion_of(last_calls_[*client], live_.answer(*client));
    return names_.name(ended.client) + ": " + result_text(ended) +
           ", the core says that it is parked\n";
}

} // namespace ipcdev::differential
