// SPDX-License-Identifier: MIT
//
// Clients come in a canonical order: parked ones as they will be served, then those with
// copies. Opens are ordered by their first parked read, the others by their text. Messages
// are numbered as they appear.
#include "walk_key.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace ipcdev::test {

const std::string& WalkKey::of(const Ledger& ledger, const Snapshot& snapshot) {
    const Settings& settings = ledger.settings();
    text_.clear();
    collect(ledger);
    add(text_, static_cast<std::uint32_t>(settings.mode));
    add(text_, settings.depth);
    add(text_, settings.max_message);
    add_line(ledger, snapshot);
    add_waiting(ledger);
    parts_.resize(ledger.opens().size());
    for (std::size_t open = 0; open < parts_.size(); ++open) {
        parts_[open].open = open;
        describe(parts_[open], ledger, snapshot);
    }
    add_parts();
    return text_;
}

void WalkKey::collect(const Ledger& ledger) {
    live_.assign(ledger.line().begin(), ledger.line().end());
    for (const Ledger::Opened& open : ledger.opens()) {
        live_.insert(live_.end(), open.begun.begin(), open.begun.end());
    }
    for (const Ledger::Client& client : ledger.clients()) {
        if (client.doing == Ledger::Doing::copying) {
            live_.insert(live_.end(), client.taken.begin(), client.taken.end());
        }
    }
    std::sort(live_.begin(), live_.end(), [](const Stretch& a, const Stretch& b) {
        return std::tie(a.message, a.begin) < std::tie(b.message, b.begin);
    });
}

void WalkKey::add_line(const Ledger& ledger, const Snapshot& snapshot) {
    messages_.clear();
    for (std::size_t at = 0; at < ledger.line().size(); ++at) {
        add(text_, number(ledger.line()[at].message));
        add(text_, ledger, ledger.line()[at]);
        text_ += snapshot.queue[at].spare ? "s" : "";
    }
    text_ += '|';
}

// A batch that is partly admitted counts as the rest of it, and as partly admitted: that
// decides how it ends if it is cancelled.
void WalkKey::add_waiting(const Ledger& ledger) {
    shown_.clear();
    for (const std::size_t index : ledger.waiting()) {
        const Ledger::Client& parked = ledger.clients()[index];
        add_user(text_, parked.user);
        if (parked.operation == Operation::read) {
            const auto known = std::find(shown_.begin(), shown_.end(), parked.open);
            text_ += 'r';
            add(text_, static_cast<std::uint32_t>(known - shown_.begin()));
            add(text_, static_cast<std::uint32_t>(parked.bytes));
            if (known == shown_.end()) {
                shown_.push_back(parked.open);
            }
        } else if (parked.batch) {
            text_ += parked.admitted == 0 ? 'b' : 'B';
            for (std::size_t at = parked.admitted; at < parked.payloads.size(); ++at) {
                add(text_, static_cast<std::uint32_t>(parked.payloads[at].size()));
            }
        } else {
            text_ += 'w';
            add(text_, static_cast<std::uint32_t>(parked.bytes));
        }
        text_ += parked.batch ? ";" : "";
    }
    text_ += '|';
}

// First those that a parked read has named, blank ones too.
void WalkKey::add_parts() {
    for (const std::size_t open : shown_) {
        text_ += parts_[open].text;
        text_ += '/';
        parts_[open].text.clear();
    }
    std::sort(parts_.begin(), parts_.end(),
              [](const Part& a, const Part& b) { return a.text < b.text; });
    for (const Part& part : parts_) {
        text_ += part.text;
        text_ += part.text.empty() ? "" : "/";
    }
}

void WalkKey::describe(Part& part, const Ledger& ledger, const Snapshot& snapshot) {
    part.text.clear();
    messages_.clear();
    for (const Begun& begun : snapshot.begun) {
        if (begun.open == part.open) {
            add(part.text, number(begun.what.message));
            add(part.text, ledger,
                {.message = begun.what.message, .begin = begun.what.begin, .end = begun.what.end});
            part.text += begun.what.spare ? "s" : "";
        }
    }
    part.text += part.text.empty() ? "" : ":";
    describe_copies(part, ledger);
}

void WalkKey::describe_copies(Part& part, const Ledger& ledger) {
    copies_.clear();
    clients_.clear();
    for (std::size_t index = 0; index < ledger.clients().size(); ++index) {
        const Ledger::Client& client = ledger.clients()[index];
        if (client.doing != Ledger::Doing::copying || client.open != part.open) {
            continue;
        }
        std::string& text = copies_.emplace_back();
        clients_.push_back(index);
        add_user(text, client.user);
        for (const Stretch& taken : client.taken) {
            const auto known = std::find(messages_.begin(), messages_.end(), taken.message);
            add(text, static_cast<std::uint32_t>(known - messages_.begin()));
            add(text, ledger, taken);
            text += !client.batch ? "" : taken.spare ? "s" : "w"; // the piece stays with it
        }
        text += '.';
    }
    std::vector<std::size_t> order(copies_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return copies_[a] < copies_[b]; });
    for (const std::size_t at : order) {
        for (const Stretch& taken : ledger.clients()[clients_[at]].taken) {
            add(part.text, number(taken.message));
        }
        part.text += copies_[at];
    }
}

std::uint32_t WalkKey::number(std::uint32_t message) {
    const auto known = std::find(messages_.begin(), messages_.end(), message);
    const auto number = static_cast<std::uint32_t>(known - messages_.begin());
    if (known == messages_.end()) {
        messages_.push_back(message);
    }
    return number;
}

// Where the stretch would begin if all gaps between the live stretches of its message
// were one byte wide.
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

void WalkKey::add(std::string& text, const Ledger& ledger, const Stretch& stretch) const {
    const Ledger::Parcel& parcel = ledger.parcel(stretch.message);
    const auto is_whole = [](const Ledger::Parcel& other) {
        return other.left == other.payload.size();
    };
    add(text, place(stretch));
    add(text, stretch.size());
    if (!is_whole(parcel)) {
        text += '-';
        return;
    }
    text += parcel.cleared ? "c" : "";
    if (ledger.settings().mode != Mode::fifo && !parcel.cleared) {
        const auto& all = ledger.parcels();
        add(text,
            static_cast<std::uint32_t>(std::count_if(
                all.begin(),
                all.begin() + static_cast<std::ptrdiff_t>(ledger.age_rank(parcel.number)),
                [&](const Ledger::Parcel& other) { return is_whole(other) && !other.cleared; })));
    }
}

} // namespace ipcdev::test
