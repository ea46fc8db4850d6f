// SPDX-License-Identifier: MIT
#include "stop_signal.h"

#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace ipcdev {

namespace {

constexpr std::array stop_signals{SIGTERM, SIGINT, SIGHUP};
constexpr suseconds_t retry_us = 10'000;

volatile sig_atomic_t stop_signal = 0;
volatile sig_atomic_t upgrade = 0;
volatile sig_atomic_t had_terminal = 0;

void set_timer(suseconds_t us) {
    const timeval period{.tv_sec = 0, .tv_usec = us};
    const itimerval again{.it_interval = period, .it_value = period};
    setitimer(ITIMER_REAL, &again, nullptr);
}

// One that controls this process.
bool has_terminal() {
    const int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal != -1) {
        close(terminal);
    }
    return terminal != -1;
}

extern "C" void on_stop(int signal_number) {
    stop_signal = signal_number;
    set_timer(retry_us);
}

extern "C" void on_hangup(int signal_number) {
    const int error = errno;
    if (had_terminal != 0 && !has_terminal()) {
        on_stop(signal_number);
    } else {
        upgrade = 1;
        set_timer(retry_us);
    }
    errno = error;
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

sigset_t set_of_stop_signals() {
    sigset_t set{};
    sigemptyset(&set);
    for (const int signal_number : stop_signals) {
        sigaddset(&set, signal_number);
    }
    return set;
}

} // namespace

StopSignals::StopSignals(bool keeps) {
    handle(SIGALRM, on_retry);
    for (const int signal_number : stop_signals) {
        handle(signal_number, on_stop);
    }
    if (keeps) {
        had_terminal = has_terminal() ? 1 : 0;
        handle(SIGHUP, on_hangup);
    }
    handle(SIGPIPE, SIG_IGN);
}

StopSignals::~StopSignals() {
    for (const int signal_number : stop_signals) {
        handle(signal_number, SIG_IGN);
    }
    set_timer(0);
}

int stop_requested() {
    return stop_signal;
}

bool upgrade_requested() {
    return upgrade != 0;
}

bool take_upgrade_request() {
    if (upgrade == 0) {
        return false;
    }
    upgrade = 0;
    if (stop_signal == 0) {
        set_timer(0);
        if (stop_signal != 0 || upgrade != 0) { // that came in between
            set_timer(retry_us);
        }
    }
    return true;
}

void ignore_upgrade_requests() {
    handle(SIGHUP, SIG_IGN);
}

HeldSignals::HeldSignals() {
    const sigset_t held = set_of_stop_signals();
    sigprocmask(SIG_BLOCK, &held, &before_);
}

HeldSignals::~HeldSignals() {
    sigprocmask(SIG_SETMASK, &before_, nullptr);
}

void let_signals_in() {
    const sigset_t held = set_of_stop_signals();
    sigprocmask(SIG_UNBLOCK, &held, nullptr);
}

} // namespace ipcdev
