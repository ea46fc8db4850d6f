// SPDX-License-Identifier: MIT
//
// Keeps the tests going if a system call of their own thread hangs. A thread watches; when
// a call takes too long it
//   1. interrupts it by SIGUSR1, and the call's EINTR is a difference like any other;
//   2. if that does not help, runs the last resort, which kills the server;
//   3. if nothing helps, says where the call hangs and ends the program with status 1.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include <sys/types.h>

namespace ipcdev::differential {

class HangWatch {
  public:
    // Watches the thread that makes it.
    HangWatch(std::chrono::milliseconds limit, std::function<void()> last_resort);
    HangWatch(const HangWatch&) = delete;
    HangWatch& operator=(const HangWatch&) = delete;
    ~HangWatch();

    void set_limit(std::chrono::milliseconds limit) { limit_ = limit; }

    // Around a call.
    class Watched {
      public:
        explicit Watched(HangWatch& watch) : watch_(watch) { ++watch_.calls_; }
        Watched(const Watched&) = delete;
        Watched& operator=(const Watched&) = delete;
        ~Watched() { ++watch_.calls_; }

      private:
        HangWatch& watch_;
    };

    // Was a call interrupted since this was asked last?
    [[nodiscard]] bool interrupted() { return interrupted_.exchange(false); }

  private:
    void look_on();
    void intervene(unsigned times);

    std::atomic<std::chrono::milliseconds> limit_;
    const std::function<void()> last_resort_;
    const pid_t thread_;
    std::atomic<std::uint64_t> calls_ = 0; // odd: a call is under way
    std::atomic<bool> interrupted_ = false;
    std::mutex mutex_; // over_
    std::condition_variable changed_;
    bool over_ = false;
    std::thread looker_;
};

// A handler that does nothing, without SA_RESTART: SIGUSR1 interrupts.
void handle_interrupts();
void interrupt_thread(pid_t thread);

} // namespace ipcdev::differential
