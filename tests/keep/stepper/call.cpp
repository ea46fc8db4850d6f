// SPDX-License-Identifier: MIT
#include "call.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace ipcdev::keep_tests {

namespace {

extern "C" void on_interrupt(int /*signal_number*/) {}

// The tracer's clock (traced_keeper.cpp) must not end a client's call.
class WithoutAlarms {
  public:
    WithoutAlarms() {
        sigset_t alarm;
        sigemptyset(&alarm);
        sigaddset(&alarm, SIGALRM);
        pthread_sigmask(SIG_BLOCK, &alarm, &before_);
    }
    WithoutAlarms(const WithoutAlarms&) = delete;
    WithoutAlarms& operator=(const WithoutAlarms&) = delete;
    ~WithoutAlarms() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_{};
};

} // namespace

std::chrono::milliseconds patience() {
    const char* slowness = std::getenv("IPCDEV_SLOWNESS"); // NOLINT(concurrency-mt-unsafe)
    const double factor = slowness == nullptr ? 1 : std::atof(slowness); // NOLINT(cert-err34-c)
    return std::chrono::milliseconds(static_cast<long>(10'000 * (factor < 1 ? 1 : factor)));
}

Call::Call(std::function<Result()> body) {
    const WithoutAlarms inherited;
    thread_ = std::thread([this, body = std::move(body)] {
        Result result = body();
        const std::lock_guard lock(mutex_);
        result_ = std::move(result);
        has_ended_ = true;
        ended_.notify_all();
    });
}

bool Call::ends() {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, patience(), [this] { return has_ended_; });
}

void Call::interrupt() {
    pthread_kill(thread_.native_handle(), SIGUSR1);
}

void Call::catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = on_interrupt; // without SA_RESTART: the call must return
    sigaction(SIGUSR1, &action, nullptr);
}

Result result_of(ssize_t value) {
    return {.value = value, .error = value == -1 ? errno : 0};
}

} // namespace ipcdev::keep_tests
