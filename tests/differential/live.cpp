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
        clients_.push_back(std::make_unique<Client>());
        clients_.back()->fd = open_device(path, O_RDWR);
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

// The client's, with O_NONBLOCK and batches as the step has them.
int Live::fd_for(const Step& step) {
    Client& client = *clients_[step.input.client];
    if (client.nonblocking != step.input.nonblocking) {
        client.nonblocking = step.input.nonblocking;
        checked(fcntl(client.fd.get(), F_SETFL, client.nonblocking ? O_RDWR | O_NONBLOCK : O_RDWR),
                "fcntl");
    }
    if (client.batch != step.input.batch) {
        client.batch = step.input.batch;
        ipcdev_batch wanted{.size = sizeof(wanted), .on = client.batch ? 1U : 0U};
        const HangWatch::Watched watched(watch_);
        checked(ioctl(client.fd.get(), IPCDEV_IOC_BATCH, &wanted), "BATCH");
    }
    return client.fd.get();
}

// Not by the number of parked calls: before one parks it may have ended others.
bool Live::is_parked(const Client& client) {
    const ipcdev_waiters now = waiters();
    const auto* const end =
        std::begin(now.waiters) + std::min<std::size_t>(now.count, IPCDEV_WAITERS_PER_CALL);
    return std::any_of(std::begin(now.waiters), end,
                       [&](const ipcdev_waiter& waiter) { return waiter.pid == client.thread(); });
}

bool Live::park(const Step& step) {
    Client& client = *clients_[step.input.client];
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

// In turn for reading, for writing, for both.
void Live::open_more() {
    constexpr std::array<int, 3> modes{O_RDONLY, O_WRONLY | O_NONBLOCK, O_RDWR};
    const HangWatch::Watched watched(watch_);
    more_.push_back(open_device(path_, modes[opened_++ % modes.size()]));
}

void Live::close_one() {
    const HangWatch::Watched watched(watch_);
    more_.pop_front();
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

short Live::poll_events() {
    pollfd asked{
        .fd = fd_.get(), .events = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM, .revents = 0};
    const HangWatch::Watched watched(watch_);
    checked(poll(&asked, 1, 0), "poll");
    return asked.revents;
}

std::uint32_t Live::own_opens() const {
    return static_cast<std::uint32_t>(1 + clients_.size() + more_.size());
}

void Live::wait_for_opens() {
    wait("INFO counts the opens", [this] { return info().opens == own_opens(); });
}

void Live::reset(const Settings& settings) {
    end_calls();
    more_.clear();
    clear();
    const int error = configure({.mode = static_cast<std::uint32_t>(settings.mode),
                                 .depth = settings.depth,
                                 .max_message = settings.max_message});
    if (error != 0) {
        throw std::system_error(error, std::generic_category(), "CONFIGURE of an idle device");
    }
    wait_for_opens();
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
