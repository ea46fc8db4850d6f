// SPDX-License-Identifier: MIT
#include "interruption.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "support/errors.h"
#include "support/watchdog.h"

namespace ipcdev::bench::interruption {

namespace {

constexpr int again_signal = SIGUSR2; // from the timer
constexpr int failure_signal = SIGUSR1;
constexpr long again_ns = 20'000'000;

std::atomic<int> stopped_by = 0;
std::atomic<bool> failed = false;
timer_t again_timer{};

// timer_settime is safe in a handler, timer_create is not.
void keep_interrupting() {
    itimerspec often{};
    often.it_value.tv_nsec = often.it_interval.tv_nsec = again_ns;
    timer_settime(again_timer, 0, &often, nullptr);
}

void on_stop(int signal_number) {
    stopped_by = signal_number;
    keep_interrupting();
}

void on_failure(int /*signal_number*/) {
    failed = true;
    keep_interrupting();
}

void on_again(int /*signal_number*/) {}

// Without SA_RESTART: that is the point.
void handle(int signal_number, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    sigaction(signal_number, &action, nullptr);
}

} // namespace

void install() {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = again_signal;
    test::checked(timer_create(CLOCK_MONOTONIC, &event, &again_timer), "timer_create");
    handle(again_signal, on_again);
    handle(failure_signal, on_failure);
    for (const int stop : {SIGINT, SIGTERM, SIGHUP}) {
        handle(stop, on_stop);
    }
}

void check() {
    if (const int signal_number = stopped_by; signal_number != 0) {
        throw Stopped(signal_number);
    }
    if (failed) {
        throw std::runtime_error("a helper process failed");
    }
    if (test::watchdog::expired()) {
        throw std::runtime_error("it took too long");
    }
}

void helper_failed(pid_t measuring_process) {
    kill(measuring_process, failure_signal);
}

void forget_failures() {
    if (failed.exchange(false) && stopped_by == 0) {
        const itimerspec never{};
        timer_settime(again_timer, 0, &never, nullptr);
    }
}

void retry_or_throw(const std::string& what) {
    if (errno != EINTR) {
        test::throw_errno(what);
    }
    check();
}

} // namespace ipcdev::bench::interruption
