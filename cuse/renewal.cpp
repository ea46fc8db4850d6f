// SPDX-License-Identifier: MIT
#include "renewal.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <new>
#include <string>

#include <spdlog/spdlog.h>

#include "loop.h"
#include "reply.h"

namespace ipcdev {

namespace {

// As SharedRange::used() was when they had been taken.
std::size_t end_of(const Pages& pages) {
    const auto page = static_cast<std::size_t>(getpagesize());
    const auto end = reinterpret_cast<std::uintptr_t>(pages.begin()) + pages.size();
    return (end - UndoLog::watched_begin + page - 1) / page * page;
}

} // namespace

Renewal::Renewal(const Origin& origin)
    : origin_(origin), beside_(sizeof(Remains), Part::remains),
      place_(sizeof(Operations), Part::device) {
    new (place_.begin()) Operations(origin.settings, origin.owner, origin.starter);
}

Renewal::Renewal(const Origin& origin, SharedRange& /*inherited*/)
    : origin_(origin), beside_(sizeof(Remains), Part::remains),
      place_(sizeof(Operations), Part::device) {}

bool Renewal::check(Session& session, int predecessor) {
    const char* const flaw = remains().is_under_way == yes
                                 ? "it was being made anew"
                                 : operations().find_flaw(is_crash(predecessor));
    if (flaw == nullptr) {
        return true;
    }
    const Gauges gauges = operations().device().gauges();
    const bool is_counted =
        gauges.queued_messages <= IPCDEV_DEPTH_MAX && gauges.begun_messages <= IPCDEV_DEPTH_MAX;
    const std::string messages =
        is_counted ? std::to_string(gauges.queued_messages + gauges.begun_messages) : "all";
    spdlog::error(
        "the state that the killed process has left can't be used ({}): the device starts "
        "empty, {} messages are lost, and parked calls get EIO",
        flaw, messages);
    UndoLog::watch_nothing();
    gather_remains(session);
    start_anew(session);
    return false;
}

void Renewal::gather_remains(Session& session) {
    Remains& remains = this->remains();
    if (remains.is_under_way == yes) {
        return;
    }
    Operations& before = operations();
    if (before.answer_.is_owed()) {
        before.answer_.refuse(session.connection(), EIO);
    }
    const Settings& settings = before.device().settings();
    remains.settings = Operations::is_valid(settings) ? settings : origin_.settings;
    remains.generation = before.generation_;
    remains.opens = before.files_.made();
    std::atomic_signal_fence(std::memory_order_seq_cst);
    remains.is_under_way = yes;
}

// The new object is where the old one was, and so are its pools, which have made nothing yet: what
// the old ones had is still there.
void Renewal::start_anew(Session& session) {
    const int connection = session.connection();
    SharedRange& range = *SharedRange::current();
    const std::size_t used = range.used();
    place_.give_back(0, place_.size());
    range.take_again_from(end_of(place_));
    Operations& anew =
        *new (place_.begin()) Operations(remains().settings, origin_.owner, origin_.starter);
    range.take_again_from(used);
    anew.attach(session);
    anew.generation_ = remains().generation;

    std::size_t parked = 0;
    for (std::size_t place = 0; place < PendingCalls::count; ++place) {
        const std::uint64_t id = anew.calls_.id_in(place);
        if (id != 0 && id % 2 == 0 && answer_error(connection, id, EIO) == Sent::taken) {
            ++parked;
        }
    }
    anew.calls_.wipe();
    anew.payloads_.wipe();
    anew.accounts_.wipe();
    anew.files_.restore(remains().opens, [&](OpenFile& file) {
        notify_poll(connection, file.poll_handle);
        Account* const account = anew.accounts_.open(file.user);
        if (account != nullptr) {
            file.account = account;
            anew.device_.change().open(file);
        }
        return account != nullptr;
    });
    std::atomic_signal_fence(std::memory_order_seq_cst);
    remains().is_under_way = 0;
    spdlog::error("{} parked calls got EIO, {} opens go on", parked, anew.device().gauges().opens);
}

} // namespace ipcdev
