// SPDX-License-Identifier: MIT
//
// A system call of a client, in a thread of its own: the process that answers it may be stopped or
// dead meanwhile, and whoever stops it must not wait for it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace ipcdev::keep_tests {

struct Result {
    ssize_t value = -1;
    int error = 0;       // errno, if the value is -1
    std::string bytes{}; // that were read
};

// How long a call, or the tracer, waits for what takes milliseconds before it counts as hung.
[[nodiscard]] std::chrono::milliseconds patience();

class Call {
  public:
    explicit Call(std::function<Result()> body);
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    // Waits for its end.
    ~Call() { thread_.join(); }

    // False: it hangs.
    [[nodiscard]] bool ends();
    // Requires: it has ended.
    [[nodiscard]] const Result& result() const { return result_; }
    // The thread gets a signal that ends a parked call with EINTR.
    void interrupt();

    // Once, before the first call: a handler for that signal.
    static void catch_interrupts();

  private:
    std::mutex mutex_;
    std::condition_variable ended_;
    bool has_ended_ = false; // guarded by mutex_
    Result result_;          // written before has_ended_
    std::thread thread_;
};

// Of the system call that was just made.
[[nodiscard]] Result result_of(ssize_t value);

} // namespace ipcdev::keep_tests
