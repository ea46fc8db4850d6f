// SPDX-License-Identifier: MIT
//
// What the core does in each step: the calls that end, with their results, and the state
// visible afterwards. The copy to a reader ends within the step, as it has on a live device
// once the read returns.
#pragma once

#include <map>
#include <memory>

#include "step.h"

namespace ipcdev::differential {

class Oracle {
  public:
    // `takes_first`: the server finds a bad buffer only after it has taken the message, as
    // the module does. With other servers the kernel finds it before it asks them.
    Oracle(const Settings& settings, bool takes_first);

    // Does the step make sense now? A parked client makes no call; an open is not closed, and
    // does not switch batches on or off, while one of its calls is parked; and a read into a
    // bad buffer is allowed only if it does the same on all servers.
    [[nodiscard]] bool possible(const Step& step) const;
    // A call opens its open first, if that is not open. `outcome` is overwritten; Outcome::parked
    // is of the step's own call.
    void play(const Step& step, Outcome& outcome);

    [[nodiscard]] const Snapshot& now() const { return now_; }
    [[nodiscard]] bool is_open(std::size_t open) const { return opens_.contains(open); }
    [[nodiscard]] bool parked(std::size_t client) const;

  private:
    [[nodiscard]] bool is_refused(const Input& call) const;
    [[nodiscard]] bool has_parked(std::size_t open) const;
    [[nodiscard]] bool may_call(const Input& call) const;
    [[nodiscard]] bool may_fault(const Input& read) const;
    void note_opens(const Input& input);
    void fault(const Step& step, Outcome& outcome);
    void finish_copies(const Outcome& outcome);

    std::unique_ptr<Engine> engine_;
    bool takes_first_;
    std::map<std::size_t, bool> opens_;     // with batches on?
    std::map<std::size_t, std::size_t> by_; // of each client, the open of its last call
    Snapshot now_;
};

} // namespace ipcdev::differential
