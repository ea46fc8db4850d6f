// SPDX-License-Identifier: MIT
//
// What a program leaves to the one that it executes in its place (upgrade.h): descriptors, which
// stay open, and children, which stay its children. Their numbers are in the environment.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace ipcdev {

struct Inheritance {
    int memory = -1;     // of the SharedRange
    int connection = -1; // with the kernel
    // Of a FUSE file only:
    int folder = -1;   // where it is
    int hidden = -1;   // the folder of its lock
    int lock = -1;     // the locks stay the process's as long as this is open
    int lifeline = -1; // of the unmounter
    pid_t unmounter = -1;

    pid_t server = -1; // goes on until the new program is ready
    int dumpable = 1;  // PR_GET_DUMPABLE
    // Users, as uid_t of the same bits: Renewal::Origin has them. -1: there is no such.
    int starter = -1;
    int owner = -1;
};

// The variable of the environment, as NAME=VALUE.
[[nodiscard]] std::string to_environment(const Inheritance& inheritance);
// Takes it out of there. None if there is none, or none that could be right: then this program was
// started by a user.
[[nodiscard]] std::optional<Inheritance> from_environment();
inline constexpr const char* inheritance_variable = "IPCDEVD_INHERITANCE";

// Whether they stay open when a program is executed.
void set_inheritable(const Inheritance& inheritance, bool inheritable);

} // namespace ipcdev
