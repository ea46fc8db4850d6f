// SPDX-License-Identifier: MIT
//
// A control group whose processes can be frozen, of version 1 or 2 of control groups.
// The two freeze differently: version 1 as suspend does, in the places where a task says
// that it may be frozen (TASK_FREEZABLE); version 2 where a signal would be handled.
//
// The hierarchy is mounted nowhere: it is reached by a descriptor alone, so nothing of
// the machine's is changed but that there is one group more.
#pragma once

#include <sys/types.h>

#include <string>

#include "support/descriptor.h"

namespace ipcdev::test {

class Freezer {
  public:
    enum class Version { one, two };

    // Needs root. Throws std::system_error where there is no such hierarchy or it may
    // not be changed.
    explicit Freezer(Version version);
    Freezer(const Freezer&) = delete;
    Freezer& operator=(const Freezer&) = delete;
    ~Freezer(); // thaws it, and hands its processes to the hierarchy's root

    void add(pid_t process); // with all its threads
    void freeze();           // returns when all of it is frozen
    void thaw();             // returns when none of it is

  private:
    void set(bool frozen);
    [[nodiscard]] bool is(bool frozen) const;
    [[nodiscard]] std::string contents(const std::string& file) const;

    Version version_;
    Descriptor root_;
    std::string name_; // of the group, below the root
};

} // namespace ipcdev::test
