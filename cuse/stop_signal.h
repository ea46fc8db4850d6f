// SPDX-License-Identifier: MIT
//
// SIGTERM, SIGINT and SIGHUP end the daemon: they interrupt the blocking read of
// the loop, and the loop asks stop_requested() before each one.
//
// The signal can fall between the question and the read:
//
//     loop                            signal handler
//     stop_requested() -> false
//                                     stop = true; starts an interval timer
//     read() blocks
//                                     SIGALRM, 10 ms later and again
//     read() -> EINTR
//     stop_requested() -> true
//
// so no signal is missed, and the loop costs no system call but its reads.
#pragma once

namespace ipcdev {

// From its making on the signals are caught; from its end on they are ignored,
// and the timer is off: nothing interrupts the unmount. At most one.
class StopSignals {
  public:
    StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    ~StopSignals();
};

// The signal that came; 0: none.
[[nodiscard]] int stop_requested();

} // namespace ipcdev
