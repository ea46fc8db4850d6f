// SPDX-License-Identifier: MIT
#include "watchdog.h"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <stdexcept>

#include <sys/time.h>
#include <unistd.h>

#include "options.h"

namespace ipcdev::conformance::watchdog {
namespace {

// What the handler reads: lock-free atomics only.
std::array<std::atomic<pid_t>, 1024> children;
std::atomic<const char*> armed_test = nullptr;
std::atomic<bool> has_expired = false;

// From the killing of the children to the end of the suite.
constexpr std::chrono::milliseconds grace{5000};
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

void on_alarm(int /*SIGALRM*/) {
    const char* test = armed_test;
    if (test == nullptr) {
        return;
    }
    if (has_expired.exchange(true)) {
        say("watchdog: the device still hangs; the suite ends here, in ");
        say(test);
        say("\n");
        kill_children();
        _exit(exit_status_hung);
    }
    say("watchdog: time is over, killing the clients and the suite's own server: ");
    say(test);
    say("\n");
    kill_children();
    set_timer(std::chrono::duration_cast<std::chrono::milliseconds>(grace * options().slowness));
}

} // namespace

void install() {
    struct sigaction action {};
    action.sa_handler = on_alarm;
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, nullptr);
}

void arm(const char* test_name) {
    has_expired = false;
    armed_test = test_name;
    set_timer(options().watchdog);
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
    throw std::length_error("more child processes than the watchdog can hold");
}

void remove(pid_t child) {
    for (auto& place : children) {
        pid_t expected = child;
        if (place.compare_exchange_strong(expected, 0)) {
            return;
        }
    }
}

} // namespace ipcdev::conformance::watchdog
