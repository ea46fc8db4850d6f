// SPDX-License-Identifier: MIT
#include "generator.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace ipcdev::differential {

namespace {

// Well mixed bits of the numbers 0, 1, 2... (splitmix64).
std::uint64_t mixed(std::uint64_t number) {
    number = (number + 1) * 0x9e3779b97f4a7c15U;
    number = (number ^ (number >> 30U)) * 0xbf58476d1ce4e5b9U;
    number = (number ^ (number >> 27U)) * 0x94d049bb133111ebU;
    return number ^ (number >> 31U);
}

} // namespace

Settings Generator::settings() {
    constexpr std::array<std::uint32_t, 8> max_messages{1, 4, 8, 8, 16, 16, 300, 5000};
    Settings settings{.mode = percent(20) ? Mode::slot : percent(25) ? Mode::ring : Mode::fifo};
    settings.depth = settings.mode == Mode::slot ? 1 : 1 + static_cast<std::uint32_t>(below(4));
    settings.max_message = max_messages[below(max_messages.size())];
    if (percent(5)) {
        settings.max_message = IPCDEV_MESSAGE_MAX;
    }
    return settings;
}

Step Generator::next(const Oracle& oracle) {
    if (percent(4)) {
        writing_percent_ = 15 + 10 * static_cast<unsigned>(below(8));
    }
    for (;;) {
        if (Step step = random_step(oracle); oracle.possible(step)) {
            return step;
        }
    }
}

Step Generator::random_step(const Oracle& oracle) {
    if (percent(10)) {
        return other_step(oracle);
    }
    const std::size_t client = below(clients_);
    const bool everybody_is_parked =
        oracle.now().readers.size() + oracle.now().writers.size() == clients_;
    if (everybody_is_parked || (oracle.parked(client) && percent(10))) {
        return {.input = {.verb = Verb::cancel, .client = client}};
    }
    return call(oracle.now().settings, client);
}

Step Generator::other_step(const Oracle& oracle) {
    const auto& gauges = oracle.now().gauges;
    const bool idle = gauges.queued_messages + gauges.begun_messages + gauges.parked_readers +
                          gauges.parked_writers ==
                      0;
    if (percent(idle ? 60 : 15)) {
        return configure(oracle.now().settings);
    }
    if (percent(25)) {
        return {.input = {.verb = Verb::clear}};
    }
    return open_or_close(oracle);
}

// Often a close of what has begun a message. Some opens are nobody's who calls.
Step Generator::open_or_close(const Oracle& oracle) {
    constexpr std::size_t opens_of_nobody = 3;
    const auto& begun = oracle.now().begun;
    if (!begun.empty() && percent(60)) {
        return {.input = {.verb = Verb::close, .open = begun[below(begun.size())].open}};
    }
    return {.input = {.verb = percent(50) ? Verb::open : Verb::close,
                      .open = below(clients_ + opens_of_nobody)}};
}

// Often one that works, if the device is idle.
Step Generator::configure(const Settings& now) {
    if (percent(60)) {
        const Settings wanted = settings();
        return {.input = {.verb = Verb::configure,
                          .change = {.mode = static_cast<std::uint32_t>(wanted.mode),
                                     .depth = wanted.depth,
                                     .max_message = percent(50) ? 0 : wanted.max_message}}};
    }
    constexpr std::array<std::uint32_t, 6> depths{
        0, 1, 2, 3, IPCDEV_DEPTH_MAX, IPCDEV_DEPTH_MAX + 1};
    const std::array<std::uint32_t, 6> max_messages{
        0, 1, 9, now.max_message, IPCDEV_MESSAGE_MAX, IPCDEV_MESSAGE_MAX + 1};
    return {.input = {.verb = Verb::configure,
                      .change = {.mode = static_cast<std::uint32_t>(below(5)),
                                 .depth = depths[below(depths.size())],
                                 .max_message = max_messages[below(max_messages.size())]}}};
}

Step Generator::call(const Settings& now, std::size_t client) {
    const bool writes = percent(writing_percent_);
    const bool batch = percent(30);
    Step step =
        batch ? (writes ? batch_write(now) : batch_read(now)) : (writes ? write(now) : read(now));
    step.input.client = client;
    step.input.open = open_for(client);
    step.input.nonblocking = percent(35);
    step.bad_buffer = percent(4);
    return step;
}

// Its own, or one that others use too, the first ones more than the last ones.
std::size_t Generator::open_for(std::size_t client) {
    return percent(40) ? client : below(1 + below(clients_));
}

// As much as there can be, or less than there may be.
Step Generator::read(const Settings& now) {
    constexpr std::uint64_t few = 3;
    const std::uint64_t count = percent(40)   ? now.max_message + below(few)
                                : percent(50) ? 1 + below(few)
                                              : size(now.max_message);
    return {.input = {.verb = Verb::read, .count = count}};
}

Step Generator::write(const Settings& now) {
    return {.input = {.verb = Verb::write, .payload = payload(size(now.max_message))}};
}

// Mostly room for one frame at least, and for a few if they are short.
Step Generator::batch_read(const Settings& now) {
    const std::uint64_t least = framed(now.max_message);
    const std::uint64_t count = percent(3)   ? least - 1
                                : percent(3) ? IPCDEV_BATCH_BYTES_MAX + 1
                                : percent(30)
                                    ? least
                                    : least + below(4 * std::min<std::uint64_t>(least, 64));
    return {.input = {.verb = Verb::read, .count = count, .batch = true}};
}

Step Generator::batch_write(const Settings& now) {
    constexpr std::uint64_t frames_at_most = 6;
    Step step{.input = {.verb = Verb::write, .batch = true}};
    for (std::uint64_t left = below(frames_at_most + 1); left > 0; --left) {
        const std::uint64_t bytes = std::max<std::uint64_t>(size(now.max_message), 1);
        if (bytes_of(step.input) + framed(bytes) <= longest_call) {
            step.input.frames.push_back(payload(bytes));
        }
    }
    return step;
}

// Mostly of a few bytes, or about the limit.
std::uint64_t Generator::size(std::uint64_t max_message) {
    const std::uint64_t kind = below(20);
    if (kind == 0) {
        return 0;
    }
    if (kind == 1) {
        return max_message + 1;
    }
    if (kind == 2) {
        return max_message;
    }
    if (kind <= 5) {
        return 1 + below(max_message);
    }
    return 1 + below(std::min<std::uint64_t>(max_message, 6));
}

// Letters and digits that no other message has in this order.
std::string Generator::payload(std::uint64_t bytes) {
    constexpr std::string_view letters =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const std::uint64_t first = mixed(++writes_);
    std::string text(bytes, ' ');
    for (std::uint64_t at = 0; at < bytes; ++at) {
        text[at] = letters[mixed(first + at) % letters.size()];
    }
    return text;
}

} // namespace ipcdev::differential
