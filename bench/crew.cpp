// SPDX-License-Identifier: MIT
#include "crew.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <exception>
#include <stdexcept>

#include "placement.h"

namespace ipcdev::bench {

namespace {

long switches_of_this_process() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw + usage.ru_nivcsw;
}

} // namespace

std::uint64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
}

UsageClock::UsageClock() : switches_(switches_of_this_process()), began_ns_(now_ns()) {}

Usage UsageClock::stop() const {
    const std::uint64_t now = now_ns();
    return {
        .began_ns = began_ns_, .ended_ns = now, .switches = switches_of_this_process() - switches_};
}

void Crew::add(int processor, const std::function<Usage()>& body) {
    const std::size_t number = helpers_.size();
    if (number == helpers_max) {
        throw std::length_error("too many helpers");
    }
    const pid_t measuring_process = getpid();
    helpers_.emplace_back([&, this] {
        try {
            Placement::pin(0, processor);
            shared().usages.at(number) = body();
            shared().done.fetch_add(1);
            futex_wake_all(shared().done);
            return 0;
        } catch (const std::exception& error) {
            dprintf(STDERR_FILENO, "ipcdev-bench: in a helper: %s\n", error.what());
            interruption::helper_failed(measuring_process);
            return 1;
        }
    });
}

void Crew::ready() {
    shared().ready.fetch_add(1);
    futex_wake_all(shared().ready);
    while (shared().go.load() == 0) {
        futex_wait(shared().go, 0);
    }
}

void Crew::start() {
    wait_for_all(shared().ready);
    shared().go.store(1);
    futex_wake_all(shared().go);
}

void Crew::finish() {
    wait_for_all(shared().done);
}

void Crew::wait_for_all(const FutexWord& word) const {
    for (std::uint32_t seen = 0; (seen = word.load()) != helpers_.size();) {
        futex_wait(word, seen);
    }
}

std::vector<Usage> Crew::usages() const {
    const std::span<const Usage> all(shared().usages);
    const auto used = all.first(helpers_.size());
    return {used.begin(), used.end()};
}

} // namespace ipcdev::bench
