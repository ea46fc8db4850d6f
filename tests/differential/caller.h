// SPDX-License-Identifier: MIT
//
// Calls on the device: one made by whoever asks, and a thread for those that park.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <semaphore>
#include <string>
#include <thread>

#include <sys/types.h>

#include "step.h"

namespace ipcdev::differential {

// What a system call returned: its result, or -1 and an error.
struct Answer {
    ssize_t result = 0;
    int error = 0;
    std::string bytes{}; // read: what came
};

// Makes the call, a read or a write, on the descriptor.
[[nodiscard]] Answer make_call(int fd, const Step& step);

// Not thread-safe: one thread tells it what to do.
class Caller {
  public:
    Caller() : thread_([this] { live(); }) {}
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;
    ~Caller(); // ends a call that is under way

    [[nodiscard]] pid_t thread() const { return id_; }
    void start(int fd, const Step& step);
    // Started, and its answer not taken yet.
    [[nodiscard]] bool busy() const { return busy_; }
    [[nodiscard]] bool answered() const { return answered_; }
    [[nodiscard]] bool answers_within(std::chrono::milliseconds time);
    [[nodiscard]] Answer take(); // once it has answered
    void interrupt() const;

  private:
    void live();

    std::atomic<pid_t> id_ = 0;
    std::binary_semaphore wanted_{0};
    std::binary_semaphore done_{0};
    std::atomic<bool> answered_ = false;
    bool busy_ = false;
    int fd_ = -1; // of the call; below 0: to end
    Step step_;
    Answer answer_;
    std::thread thread_; // last, so that it finds the others
};

} // namespace ipcdev::differential
