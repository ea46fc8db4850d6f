// SPDX-License-Identifier: MIT
#include "observer.h"

#include <stdexcept>

#include "support/waiting.h"

namespace ipcdev::conformance {

bool Observer::connect() {
    if (client_.open(O_RDWR).result < 0) {
        return false;
    }
    ipcdev_info question{};
    question.size = sizeof(question);
    connected_ = client_.ioctl(IPCDEV_IOC_INFO, bytes_of(question)).result == 0;
    if (!connected_) {
        client_.close();
    }
    return connected_;
}

void Observer::disconnect() {
    client_.end();
    connected_ = false;
}

template <class Struct>
Struct Observer::ask(unsigned long number, Struct question, const char* name) {
    question.size = sizeof(question);
    const Outcome answer = client_.ioctl(number, bytes_of(question));
    if (answer.result < 0) {
        throw std::runtime_error(std::string(name) + " failed: " + answer.text());
    }
    return from_bytes<Struct>(answer.bytes);
}

ipcdev_info Observer::info() {
    return ask(IPCDEV_IOC_INFO, ipcdev_info{}, "INFO");
}

ipcdev_stats Observer::stats() {
    return ask(IPCDEV_IOC_STATS, ipcdev_stats{}, "STATS");
}

ipcdev_waiters Observer::waiters(unsigned first) {
    ipcdev_waiters question{};
    question.first = first;
    return ask(IPCDEV_IOC_WAITERS, question, "WAITERS");
}

void Observer::clear() {
    if (const Outcome done = client_.ioctl(IPCDEV_IOC_CLEAR); done.result < 0) {
        throw std::runtime_error("CLEAR failed: " + done.text());
    }
}

Outcome Observer::configure(unsigned mode, unsigned depth, unsigned max_message) {
    ipcdev_configure settings{};
    settings.size = sizeof(settings);
    settings.mode = mode;
    settings.depth = depth;
    settings.max_message = max_message;
    return client_.ioctl(IPCDEV_IOC_CONFIGURE, bytes_of(settings));
}

ipcdev_info Observer::wait_until(const std::function<bool(const ipcdev_info&)>& wished,
                                 const std::string& what) {
    ipcdev_info now{};
    try {
        for (unsigned attempt = 0; !wished(now = info()); ++attempt) {
            back_off(attempt);
        }
    } catch (const std::exception& problem) {
        throw std::runtime_error("waited until " + what + ": " + problem.what() +
                                 "; last INFO: " + std::to_string(now.queued_messages) +
                                 " queued, " + std::to_string(now.parked_readers) +
                                 " readers and " + std::to_string(now.parked_writers) +
                                 " writers parked, " + std::to_string(now.opens) + " opens");
    }
    return now;
}

} // namespace ipcdev::conformance
