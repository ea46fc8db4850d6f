// SPDX-License-Identifier: MIT
#include "hang_watch.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <sys/syscall.h>
#include <unistd.h>

namespace ipcdev::differential {

namespace {

constexpr unsigned looks_in_limit = 4;

} // namespace

void handle_interrupts() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(SIGUSR1, &action, nullptr);
}

void interrupt_thread(pid_t thread) {
    syscall(SYS_tgkill, getpid(), thread, SIGUSR1);
}

HangWatch::HangWatch(std::chrono::milliseconds limit, std::function<void()> last_resort)
    : limit_(limit), last_resort_(std::move(last_resort)),
      thread_(static_cast<pid_t>(syscall(SYS_gettid))), looker_([this] { look_on(); }) {}

HangWatch::~HangWatch() {
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
    }
    changed_.notify_one();
    looker_.join();
}

void HangWatch::look_on() {
    std::unique_lock lock(mutex_);
    std::uint64_t seen = 0;
    unsigned times = 0; // that the same call was found under way
    while (!changed_.wait_for(lock, limit_.load() / looks_in_limit, [this] { return over_; })) {
        const std::uint64_t calls = calls_;
        times = calls % 2 != 0 && calls == seen ? times + 1 : 0;
        seen = calls;
        intervene(times);
    }
}

void HangWatch::intervene(unsigned times) {
    switch (times) {
    case looks_in_limit:
        interrupted_ = true;
        interrupt_thread(thread_);
        break;
    case 2 * looks_in_limit:
        last_resort_();
        break;
    case 3 * looks_in_limit:
        std::fputs("ipcdev-differential: a call hangs and no signal ends it\n", stderr);
        _exit(EXIT_FAILURE);
    default:
        break;
    }
}

} // namespace ipcdev::differential
