// SPDX-License-Identifier: MIT
#include "stop_signal.h"

#include <sys/time.h>

#include <array>
#include <csignal>

namespace ipcdev {

namespace {

constexpr std::array stop_signals{SIGTERM, SIGINT, SIGHUP};
constexpr suseconds_t retry_us = 10'000;

volatile sig_atomic_t stop_signal = 0;

extern "C" void on_stop(int signal_number) {
    stop_signal = signal_number;
    const timeval period{.tv_sec = 0, .tv_usec = retry_us};
    const itimerval again{.it_interval = period, .it_value = period};
    setitimer(ITIMER_REAL, &again, nullptr);
}

extern "C" void on_retry(int /*signal_number*/) {}

void handle(int signal_number, void (*handler)(int)) {
    struct sigaction action {};
    struct sigaction before {};
    sigaction(signal_number, nullptr, &before);
    if (signal_number == SIGHUP && before.sa_handler == SIG_IGN) {
        return; // stays ignored, as nohup(1) wants it
    }
    action.sa_handler = handler; // without SA_RESTART: the read must return
    sigaction(signal_number, &action, nullptr);
}

} // namespace

StopSignals::StopSignals() {
    handle(SIGALRM, on_retry);
    for (const int signal_number : stop_signals) {
        handle(signal_number, on_stop);
    }
    handle(SIGPIPE, SIG_IGN);
}

StopSignals::~StopSignals() {
    for (const int signal_number : stop_signals) {
        handle(signal_number, SIG_IGN);
    }
    const itimerval off{};
    setitimer(ITIMER_REAL, &off, nullptr);
}

int stop_requested() {
    return stop_signal;
}

} // namespace ipcdev
