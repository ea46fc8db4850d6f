// SPDX-License-Identifier: MIT
#include "watchdog.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <stdexcept>

#include "settings.h"

namespace ipcdev::daemon_tests::watchdog {

namespace {

// What the handler reads: lock-free atomics only.
std::array<std::atomic<pid_t>, 1024> children;
std::atomic<const char*> armed_test = nullptr;
std::atomic<bool> has_expired = false;

constexpr unsigned grace_seconds = 10;
constexpr int exit_status_hung = 3;

void say(const char* text) {
    [[maybe_unused]] const auto written = write(STDERR_FILENO, text, std::strlen(text));
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
    alarm(grace_seconds);
}

} // namespace

void install() {
    struct sigaction action {};
    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, nullptr);
}

void arm(const char* test_name) {
    has_expired = false;
    armed_test = test_name;
    alarm(static_cast<unsigned>(settings().limit.count()));
}

void disarm() {
    alarm(0);
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

} // namespace ipcdev::daemon_tests::watchdog
