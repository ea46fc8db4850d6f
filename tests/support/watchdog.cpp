// SPDX-License-Identifier: MIT
#include "support/watchdog.h"

#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace ipcdev::test::watchdog {

namespace {

// What the handler reads: lock-free atomics, and what install() has set before it
// could run.
std::array<std::atomic<pid_t>, 1024> children;
std::atomic<const char*> armed_test = nullptr;
std::atomic<bool> has_expired = false;
Limits limits{};

constexpr int exit_status_hung = 3;

void say(const char* text) {
    [[maybe_unused]] const auto written = write(STDERR_FILENO, text, std::strlen(text));
}

void set_timer(std::chrono::milliseconds time) {
    itimerval timer{};
    timer.it_value.tv_sec = time.count() / 1000;
    timer.it_value.tv_usec = time.count() % 1000 * 1000;
    setitimer(ITIMER_REAL, &timer, nullptr);
}

void kill_children() {
    for (const auto& child : children) {
        if (const pid_t pid = child; pid > 0) {
            kill(pid, SIGKILL);
        }
    }
}

void on_alarm(int /*signal_number*/) {
    const char* test = armed_test;
    if (test == nullptr) {
        return;
    }
    say(has_expired ? "watchdog: it still hangs, the tests end here: "
                    : "watchdog: time is over, killing what was started by ");
    say(test);
    say("\n");
    kill_children();
    if (has_expired.exchange(true)) {
        _exit(exit_status_hung);
    }
    set_timer(limits.grace);
}

} // namespace

void install(const Limits& wanted) {
    limits = wanted;
    struct sigaction action {};
    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, nullptr);
}

void arm(const char* test_name) {
    has_expired = false;
    armed_test = test_name;
    set_timer(limits.test);
}

void disarm() {
    set_timer(std::chrono::milliseconds(0));
    armed_test = nullptr;
}

bool expired() {
    return has_expired;
}

void add(pid_t child) {
    for (auto& place : children) {
        pid_t nobody = 0;
        if (place.compare_exchange_strong(nobody, child)) {
            return;
        }
    }
    throw std::length_error("more processes than the watchdog can hold");
}

void remove(pid_t child) {
    for (auto& place : children) {
        pid_t expected = child;
        if (place.compare_exchange_strong(expected, 0)) {
            return;
        }
    }
}

} // namespace ipcdev::test::watchdog
