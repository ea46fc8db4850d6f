// SPDX-License-Identifier: MIT
//
// How the ledger stops at the first law that is broken. Stays inside the ledger:
// follow() turns it into its result.
#pragma once

#include <string>

namespace ipcdev::test {

struct Breach {
    std::string law;
};

inline void demand(bool holds, const char* law) {
    if (!holds) {
        throw Breach{law};
    }
}

} // namespace ipcdev::test
