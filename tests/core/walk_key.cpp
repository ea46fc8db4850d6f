// SPDX-License-Identifier: MIT
//
// Clients are put in an order of their own (parked ones as they are served, then
// copies, then the idle), messages are numbered as they appear in it.
#include "walk_key.h"

#include <algorithm>
#include <tuple>

namespace ipcdev::test {

const std::string& WalkKey::of(const Ledger& ledger, const Snapshot& snapshot) {
    const Settings& settings = ledger.settings();
    text_.clear();
    messages_.clear();
    collect(ledger);
    add(static_cast<std::uint32_t>(settings.mode));
    add(settings.depth);
    add(settings.max_message);
    for (std::size_t at = 0; at < ledger.line().size(); ++at) {
        add(ledger.line()[at]);
        add(snapshot.queue[at].spare ? 1 : 0);
    }
    text_ += '|';
    for (const std::size_t index : ledger.waiting()) {
        const Ledger::Client& client = ledger.clients()[index];
        add(static_cast<std::uint32_t>(client.operation));
        add(static_cast<std::uint32_t>(client.bytes));
    }
    text_ += '|';
    copies_.clear();
    for (const Ledger::Client& client : ledger.clients()) {
        if (client.doing == Ledger::Doing::copying) {
            copies_.emplace_back(copy_key(ledger, client), client.taken);
        }
    }
    std::sort(copies_.begin(), copies_.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [key, stretch] : copies_) {
        add(stretch);
        for (const std::uint32_t part : key) {
            add(part);
        }
    }
    return text_;
}

void WalkKey::collect(const Ledger& ledger) {
    live_.assign(ledger.line().begin(), ledger.line().end());
    for (const Ledger::Client& client : ledger.clients()) {
        if (client.doing == Ledger::Doing::copying) {
            live_.push_back(client.taken);
        }
    }
    std::sort(live_.begin(), live_.end(), [](const Stretch& a, const Stretch& b) {
        return std::tie(a.message, a.begin) < std::tie(b.message, b.begin);
    });
}

WalkKey::CopyKey WalkKey::copy_key(const Ledger& ledger, const Ledger::Client& client) const {
    const Ledger::Parcel& parcel = ledger.parcel(client.taken.message);
    const bool slot = ledger.settings().mode == Mode::slot;
    const auto known = std::find(messages_.begin(), messages_.end(), client.taken.message);
    return {static_cast<std::uint32_t>(known - messages_.begin()),
            place(client.taken),
            client.taken.size(),
            client.done,
            parcel.cleared ? 1U : 0U,
            slot && parcel.superseded ? 1U : 0U,
            static_cast<std::uint32_t>(parcel.fate)};
}

// Where the stretch begins when the gaps between the live stretches of its
// message are one byte wide.
std::uint32_t WalkKey::place(const Stretch& stretch) const {
    std::uint32_t at = 0;
    const Stretch* before = nullptr;
    for (const Stretch& live : live_) {
        if (live.message != stretch.message) {
            continue;
        }
        if (before != nullptr) {
            at += before->size() + (before->end == live.begin ? 0 : 1);
        }
        if (live.begin == stretch.begin) {
            break;
        }
        before = &live;
    }
    return at;
}

void WalkKey::add(const Stretch& stretch) {
    const auto known = std::find(messages_.begin(), messages_.end(), stretch.message);
    add(static_cast<std::uint32_t>(known - messages_.begin()));
    if (known == messages_.end()) {
        messages_.push_back(stretch.message);
    }
    add(place(stretch));
    add(stretch.size());
}

} // namespace ipcdev::test
