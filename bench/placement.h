// SPDX-License-Identifier: MIT
//
// On which processors a sample runs. Explicit, because it decides: a hand-off on one
// processor is a switch, between two it is an interrupt.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace ipcdev::bench {

enum class Spread { one_core, two_cores };

[[nodiscard]] std::string name_of(Spread spread);

class Placement {
  public:
    // Chooses among the processors that this process may use. Throws if there is only
    // one and it takes two.
    explicit Placement(Spread spread);

    [[nodiscard]] Spread spread() const { return spread_; }
    [[nodiscard]] int here() const { return here_; }   // of the measuring process
    [[nodiscard]] int there() const { return there_; } // of the other one, and of daemons

    // All threads of the process. False if it may not be placed, as somebody else's.
    static bool pin(pid_t process, int processor);
    void pin_here() const { pin(0, here_); }
    void pin_there() const { pin(0, there_); }

  private:
    Spread spread_;
    int here_ = 0;
    int there_ = 0;
};

// Daemons that are not ours get their processors back.
class PinnedServers {
  public:
    PinnedServers(std::vector<pid_t> servers, const Placement& placement);
    PinnedServers(const PinnedServers&) = delete;
    PinnedServers& operator=(const PinnedServers&) = delete;
    ~PinnedServers();

  private:
    std::vector<pid_t> servers_;
    std::vector<int> processors_; // that they may use otherwise: ours
};

} // namespace ipcdev::bench
