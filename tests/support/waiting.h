// SPDX-License-Identifier: MIT
//
// Loops that look again until something is so: never to synchronise by time,
// and never for longer than the watchdog allows.
#pragma once

namespace ipcdev::test {

// Gives others the processor for a moment that grows with `attempt`.
void back_off(unsigned attempt);

// Throws once the watchdog has expired.
void still_in_time();

// Looks again until it is so.
template <typename Condition> void wait_until(Condition condition) {
    for (unsigned attempt = 0; !condition(); ++attempt) {
        still_in_time();
        back_off(attempt);
    }
}

} // namespace ipcdev::test
