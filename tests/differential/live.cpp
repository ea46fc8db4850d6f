// SPDX-License-Identifier: MIT
#include "live.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "support/errors.h"
#include "support/waiting.h"

namespace ipcdev::differential {

namespace {

using Clock = std::chrono::steady_clock;

Descriptor open_device(const std::string& path, int flags) {
    return Descriptor(checked(open(path.c_str(), flags | O_CLOEXEC), path.c_str()));
}

} // namespace

Live::Live(const std::string& path, std::size_t clients, HangWatch& watch)
    : path_(path), watch_(watch), fd_(open_device(path, O_RDWR)) {
    for (std::size_t client = 0; client < clients; ++client) {
        clients_.push_back(std::make_unique<Caller>());
    }
}

void Live::set_limit(std::chrono::milliseconds limit) {
    limit_ = limit;
    watch_.set_limit(limit);
}

Answer Live::call(const Step& step) {
    const int fd = fd_for(step);
    const HangWatch::Watched watched(watch_);
    return make_call(fd, step);
}

// The client's own of that open, with O_NONBLOCK and batches as the step has them.
int Live::fd_for(const Step& step) {
    const Input& input = step.input;
    if (!opens_.contains(input.open)) {
        open(input.open);
    }
    Open& open = opens_.at(input.open);
    if (open.nonblocking != input.nonblocking) {
        open.nonblocking = input.nonblocking;
        checked(fcntl(open.fd.get(), F_SETFL, open.nonblocking ? O_RDWR | O_NONBLOCK : O_RDWR),
                "fcntl");
    }
    if (open.batch != input.batch) {
        open.batch = input.batch;
        ipcdev_batch wanted{.size = sizeof(wanted), .on = open.batch ? 1U : 0U};
        const HangWatch::Watched watched(watch_);
        checked(ioctl(open.fd.get(), IPCDEV_IOC_BATCH, &wanted), "BATCH");
    }
    Descriptor& own = open.duplicates[input.client];
    if (own.get() < 0) {
        own = Descriptor(checked(fcntl(open.fd.get(), F_DUPFD_CLOEXEC, 0), "F_DUPFD_CLOEXEC"));
    }
    return own.get();
}

// Not by the number of parked calls: before one parks it may have ended others.
bool Live::is_parked(const Caller& client) {
    const ipcdev_waiters now = waiters();
    const auto* const end =
        std::begin(now.waiters) + std::min<std::size_t>(now.count, IPCDEV_WAITERS_PER_CALL);
    return std::any_of(std::begin(now.waiters), end,
                       [&](const ipcdev_waiter& waiter) { return waiter.pid == client.thread(); });
}

bool Live::park(const Step& step) {
    Caller& client = *clients_[step.input.client];
    client.start(fd_for(step), step);
    sched_yield(); // on one processor, the call is made now
    bool parked = false;
    wait("the call parks or ends", [&] {
        parked = is_parked(client);
        return parked || client.answered();
    });
    return parked;
}

Answer Live::answer(std::size_t client) {
    if (!clients_[client]->answers_within(limit_)) {
        throw Surprise("still parked");
    }
    return clients_[client]->take();
}

std::optional<std::size_t> Live::answered_unasked() const {
    for (std::size_t client = 0; client < clients_.size(); ++client) {
        if (clients_[client]->answered()) {
            return client;
        }
    }
    return {};
}

std::optional<std::size_t> Live::client_of(pid_t thread) const {
    for (std::size_t client = 0; client < clients_.size(); ++client) {
        if (clients_[client]->thread() == thread) {
            return client;
        }
    }
    return {};
}

// Those by which nobody calls in turn for reading, for writing, for both.
void Live::open(std::size_t number) {
    constexpr std::array<int, 3> modes{O_RDONLY, O_WRONLY | O_NONBLOCK, O_RDWR};
    const int mode = number < clients_.size() ? O_RDWR : modes[number % modes.size()];
    const HangWatch::Watched watched(watch_);
    opens_[number].fd = open_device(path_, mode);
}

void Live::close(std::size_t number) {
    {
        const HangWatch::Watched watched(watch_);
        opens_.erase(number);
    }
    wait_for_opens(); // what it had begun is there then
}

void Live::clear() {
    const HangWatch::Watched watched(watch_);
    checked(ioctl(fd_.get(), IPCDEV_IOC_CLEAR), "CLEAR");
}

int Live::configure(const SettingsChange& change) {
    ipcdev_configure wanted{};
    wanted.size = sizeof(wanted);
    wanted.mode = change.mode;
    wanted.depth = change.depth;
    wanted.max_message = change.max_message;
    const HangWatch::Watched watched(watch_);
    return ioctl(fd_.get(), IPCDEV_IOC_CONFIGURE, &wanted) == 0 ? 0 : errno;
}

template <class Struct> Struct Live::ask(unsigned long number, const char* name) {
    Struct answer{};
    answer.size = sizeof(answer);
    const HangWatch::Watched watched(watch_);
    checked(ioctl(fd_.get(), number, &answer), name);
    return answer;
}

ipcdev_info Live::info() {
    return ask<ipcdev_info>(IPCDEV_IOC_INFO, "INFO");
}

ipcdev_stats Live::stats() {
    return ask<ipcdev_stats>(IPCDEV_IOC_STATS, "STATS");
}

ipcdev_waiters Live::waiters() {
    return ask<ipcdev_waiters>(IPCDEV_IOC_WAITERS, "WAITERS");
}

std::vector<short> Live::poll_events(const std::vector<std::size_t>& opens) {
    std::vector<pollfd> asked;
    for (const std::size_t open : opens) {
        asked.push_back({.fd = (open == no_open ? fd_ : opens_.at(open).fd).get(),
                         .events = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM,
                         .revents = 0});
    }
    const HangWatch::Watched watched(watch_);
    checked(poll(asked.data(), asked.size(), 0), "poll");
    std::vector<short> events;
    std::ranges::transform(asked, std::back_inserter(events), &pollfd::revents);
    return events;
}

std::uint32_t Live::own_opens() const {
    return static_cast<std::uint32_t>(1 + opens_.size());
}

void Live::wait_for_opens() {
    wait("INFO counts the opens", [this] { return info().opens == own_opens(); });
}

void Live::reset(const Settings& settings) {
    end_calls();
    {
        const HangWatch::Watched watched(watch_);
        opens_.clear();
    }
    wait_for_opens(); // what they had begun is in the queue then
    clear();
    const int error = configure({.mode = static_cast<std::uint32_t>(settings.mode),
                                 .depth = settings.depth,
                                 .max_message = settings.max_message});
    if (error != 0) {
        throw std::system_error(error, std::generic_category(), "CONFIGURE of an idle device");
    }
}

void Live::end_calls() {
    for (const auto& client : clients_) {
        if (client->busy()) {
            wait("an interrupted call ends", [&] {
                client->interrupt(); // one that comes before the call parks is lost
                return client->answers_within(std::chrono::milliseconds(5));
            });
            static_cast<void>(client->take());
        }
    }
}

// By looking at it again and again, at first without a pause.
template <class Condition> void Live::wait(const char* what, Condition condition) {
    constexpr unsigned eager = 200;
    const auto begin = Clock::now();
    for (unsigned attempt = 0; !condition(); ++attempt) {
        if (attempt < eager) {
            sched_yield();
        } else if (Clock::now() - begin > limit_) {
            throw Surprise(std::string("waited in vain until ") + what);
        } else {
            back_off(attempt - eager);
        }
    }
}

} // namespace ipcdev::differential
