// SPDX-License-Identifier: MIT
#include "looks.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include <poll.h>

namespace ipcdev::differential {

namespace {

struct Field {
    const char* name;
    std::uint64_t live;
    std::uint64_t expected;
};

std::string compare(const std::string& title, std::initializer_list<Field> fields) {
    std::string text;
    for (const auto& [name, live, expected] : fields) {
        if (live != expected) {
            text += title + ": " + name + " is " + std::to_string(live) + ", the core says " +
                    std::to_string(expected) + '\n';
        }
    }
    return text;
}

short events_of(const PollMask& mask) {
    return static_cast<short>((mask.readable ? POLLIN | POLLRDNORM : 0) |
                              (mask.writable ? POLLOUT | POLLWRNORM : 0));
}

std::string events_text(short events) {
    constexpr std::array<std::pair<short, const char*>, 6> names{{{POLLIN, "POLLIN"},
                                                                  {POLLRDNORM, "POLLRDNORM"},
                                                                  {POLLOUT, "POLLOUT"},
                                                                  {POLLWRNORM, "POLLWRNORM"},
                                                                  {POLLERR, "POLLERR"},
                                                                  {POLLHUP, "POLLHUP"}}};
    std::string text;
    for (const auto& [event, name] : names) {
        text += (events & event) != 0 ? std::string(text.empty() ? "" : "|") + name : "";
    }
    return text.empty() ? "nothing" : text;
}

std::string waiter_text(const std::string& name, bool reads, std::uint64_t bytes) {
    return name + (reads ? ": read " : ": write ") + std::to_string(bytes);
}

std::string live_waiter_text(const ipcdev_waiter& waiter, Live& live, const Names& names) {
    const auto client = live.client_of(waiter.pid);
    return waiter_text(client ? names.name(*client) : "thread " + std::to_string(waiter.pid),
                       waiter.operation == IPCDEV_WAITER_READ, waiter.bytes);
}

std::string expected_waiter_text(const Step& call, const Names& names) {
    return waiter_text(names.name(call.input.client), call.input.verb == Verb::read,
                       bytes_of(call.input));
}

} // namespace

std::string compare_masks(Live& live, const Snapshot& expected,
                          const std::vector<std::size_t>& opens, const Names& names) {
    const std::vector<short> events = live.poll_events(opens);
    std::string text;
    for (std::size_t index = 0; index < opens.size(); ++index) {
        const std::size_t open = opens[index];
        const auto own = std::ranges::find(expected.masks, open, &OpenMask::open);
        const short wanted = events_of(own == expected.masks.end() ? expected.mask : own->mask);
        if (events[index] != wanted) {
            text += "poll" + (open == no_open ? "" : " of " + names.name(open)) + ": " +
                    events_text(events[index]) + ", the core says " + events_text(wanted) + '\n';
        }
    }
    return text;
}

std::string compare_info(Live& live, const Snapshot& expected) {
    const ipcdev_info now = live.info();
    const Settings& settings = expected.settings;
    const Gauges& gauges = expected.gauges;
    return compare("INFO", {{"mode", now.mode, static_cast<std::uint32_t>(settings.mode)},
                            {"depth", now.depth, settings.depth},
                            {"max_message", now.max_message, settings.max_message},
                            {"queued_messages", now.queued_messages, gauges.queued_messages},
                            {"queued_bytes", now.queued_bytes, gauges.queued_bytes},
                            {"begun_messages", now.begun_messages, gauges.begun_messages},
                            {"parked_readers", now.parked_readers, gauges.parked_readers},
                            {"parked_writers", now.parked_writers, gauges.parked_writers}});
}

std::string compare_stats(Live& live, const Snapshot& expected, const ipcdev_stats& before) {
    const ipcdev_stats now = live.stats();
    const Statistics& counted = expected.statistics;
    const auto field = [&](const char* name, __u64 ipcdev_stats::*counter, std::uint64_t wanted) {
        return Field{name, now.*counter - before.*counter, wanted};
    };
    using S = ipcdev_stats;
    return compare(
        "STATS, since the beginning",
        {field("messages_written", &S::messages_written, counted.messages_written),
         field("bytes_written", &S::bytes_written, counted.bytes_written),
         field("messages_read", &S::messages_read, counted.messages_read),
         field("bytes_read", &S::bytes_read, counted.bytes_read),
         field("messages_overwritten", &S::messages_overwritten, counted.messages_overwritten),
         field("bytes_truncated", &S::bytes_truncated, counted.bytes_truncated),
         field("messages_cleared", &S::messages_cleared, counted.messages_cleared),
         field("reader_parks", &S::reader_parks, counted.reader_parks),
         field("writer_parks", &S::writer_parks, counted.writer_parks),
         field("interrupted", &S::interrupted, counted.interrupted)});
}

std::string compare_waiters(Live& live, const Snapshot& expected, const std::vector<Step>& calls,
                            const Names& names) {
    std::vector<std::size_t> clients = expected.readers;
    clients.insert(clients.end(), expected.writers.begin(), expected.writers.end());
    const ipcdev_waiters now = live.waiters();
    const auto entries = std::min<std::size_t>(clients.size(), IPCDEV_WAITERS_PER_CALL);
    std::string text =
        compare("WAITERS", {{"total", now.total, clients.size()}, {"count", now.count, entries}});
    for (std::size_t index = 0; text.empty() && index < entries; ++index) {
        const std::string found = live_waiter_text(now.waiters[index], live, names);
        const std::string wanted = expected_waiter_text(calls[clients[index]], names);
        if (found != wanted) {
            text = "WAITERS: entry " + std::to_string(index) + " is " + found + ", the core says " +
                   wanted + '\n';
        }
    }
    return text;
}

} // namespace ipcdev::differential
