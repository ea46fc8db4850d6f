// SPDX-License-Identifier: MIT
//
// The processes of one sample. The measuring process forks helpers; what they share is
// one page: who is ready, whether it has begun, and what each one found out.
#pragma once

#include <sys/types.h>

#include <array>
#include <functional>
#include <span>
#include <vector>

#include "futex.h"
#include "peers/memory.h"
#include "support/process.h"

namespace ipcdev::bench {

// What a process did while it was measured.
struct Usage {
    std::uint64_t began_ns = 0; // CLOCK_MONOTONIC
    std::uint64_t ended_ns = 0;
    long switches = 0; // context switches, of either kind
};

// From start() to stop(), of the calling process.
class UsageClock {
  public:
    UsageClock();
    [[nodiscard]] Usage stop() const;

  private:
    long switches_;
    std::uint64_t began_ns_;
};

[[nodiscard]] std::uint64_t now_ns();

class Crew {
  public:
    static constexpr unsigned helpers_max = 128;

    Crew() : page_(Source::anonymous, sizeof(Shared)) {}

    // Forks a helper that runs `body` on the processor; an exception in it ends the
    // sample. What it returns is kept.
    void add(int processor, const std::function<Usage()>& body);

    // In a helper: it has set up, and waits for the rest.
    void ready();
    // In the measuring process: all helpers are ready, and go.
    void start();
    // All helpers have returned.
    void finish();

    // Of helpers that have returned.
    [[nodiscard]] std::vector<Usage> usages() const;
    // Counted by helpers, seen by all.
    [[nodiscard]] FutexWord& counter() { return shared().counter; }
    [[nodiscard]] pid_t pid_of(std::size_t helper) const { return helpers_.at(helper).pid(); }

  private:
    struct Shared {
        FutexWord ready;
        FutexWord go;
        FutexWord done;
        FutexWord counter;
        std::array<Usage, helpers_max> usages;
    };

    [[nodiscard]] Shared& shared() const { return *reinterpret_cast<Shared*>(page_.data()); }
    void wait_for_all(const FutexWord& word) const;

    Memory page_;
    std::vector<test::Process> helpers_; // destroyed first: they use the page
};

} // namespace ipcdev::bench
