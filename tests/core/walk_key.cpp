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
        add(ledger, ledger.line()[at]);
        add(snapshot.queue[at].spare ? 1 : 0);
    }
    text_ += '|';
    for (const std::size_t index : ledger.waiting()) {
        add(ledger.clients()[index]);
    }
    text_ += '|';
    add_copies(ledger);
    return text_;
}

// A batch that is in in part is what is left of it; how it ends, if it is cancelled,
// depends on whether something is in.
void WalkKey::add(const Ledger::Client& parked) {
    add_user(text_, parked.user);
    add(static_cast<std::uint32_t>(parked.operation));
    if (parked.batch && parked.operation == Operation::write) {
        text_ += parked.admitted == 0 ? 'b' : 'B';
        for (std::size_t at = parked.admitted; at < parked.payloads.size(); ++at) {
            add(static_cast<std::uint32_t>(parked.payloads[at].size()));
        }
    } else {
        add(static_cast<std::uint32_t>(parked.bytes));
    }
    text_ += parked.batch ? ";" : "";
}

void WalkKey::add_copies(const Ledger& ledger) {
    std::size_t count = 0;
    for (const Ledger::Client& client : ledger.clients()) {
        if (client.doing == Ledger::Doing::copying) {
            copies_.resize(std::max(copies_.size(), ++count));
            copies_[count - 1].client = &client;
            describe(copies_[count - 1], ledger);
        }
    }
    copies_.resize(count);
    std::sort(copies_.begin(), copies_.end(),
              [](const Copy& a, const Copy& b) { return a.key < b.key; });
    for (const Copy& copy : copies_) {
        for (const Stretch& stretch : copy.client->taken) {
            add(ledger, stretch);
        }
        text_ += copy.key;
    }
}

void WalkKey::collect(const Ledger& ledger) {
    live_.assign(ledger.line().begin(), ledger.line().end());
    for (const Ledger::Client& client : ledger.clients()) {
        if (client.doing == Ledger::Doing::copying) {
            live_.insert(live_.end(), client.taken.begin(), client.taken.end());
        }
    }
    std::sort(live_.begin(), live_.end(), [](const Stretch& a, const Stretch& b) {
        return std::tie(a.message, a.begin) < std::tie(b.message, b.begin);
    });
}

void WalkKey::describe(Copy& copy, const Ledger& ledger) const {
    const Ledger::Client& client = *copy.client;
    const bool slot = ledger.settings().mode == Mode::slot;
    copy.key.clear();
    add_user(copy.key, client.user);
    for (const Stretch& taken : client.taken) {
        const Ledger::Parcel& parcel = ledger.parcel(taken.message);
        const auto known = std::find(messages_.begin(), messages_.end(), taken.message);
        add(copy.key, static_cast<std::uint32_t>(known - messages_.begin()));
        add(copy.key, place(taken));
        add(copy.key, taken.size());
        add(copy.key, (parcel.cleared ? 1U : 0U) + (slot && parcel.superseded ? 2U : 0U));
        add(copy.key, static_cast<std::uint32_t>(parcel.fate));
        copy.key += !client.batch ? "" : taken.spare ? "s" : "w"; // the piece stays with it
    }
    add(copy.key, client.done);
    copy.key += '.';
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

void WalkKey::add(const Ledger& ledger, const Stretch& stretch) {
    const auto known = std::find(messages_.begin(), messages_.end(), stretch.message);
    add(static_cast<std::uint32_t>(known - messages_.begin()));
    if (known == messages_.end()) {
        messages_.push_back(stretch.message);
    }
    add(place(stretch));
    add(stretch.size());
    if (frames_) {
        const Ledger::Parcel& parcel = ledger.parcel(stretch.message);
        text_ += parcel.left < parcel.payload.size() ? "-" : "";
    }
}

} // namespace ipcdev::test
