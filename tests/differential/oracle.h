// SPDX-License-Identifier: MIT
//
// What the core says of each step: the calls that end, with their results, and
// what can be seen then. The copy to a reader is over within the step, as it is
// for a live device once the reader has returned.
#pragma once

#include <map>
#include <memory>

#include "step.h"

namespace ipcdev::differential {

class Oracle {
  public:
    // `takes_first`: a server that finds a bad buffer only after it has taken the
    // message, as a module does. For the others the kernel finds it before the
    // server is asked.
    Oracle(const Settings& settings, bool takes_first);

    // Does the step make sense now? A client that is parked makes no call; an open
    // neither goes away nor switches batches on or off while a call by it is parked; and
    // a read into a bad buffer is one only if it does the same on all servers.
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
