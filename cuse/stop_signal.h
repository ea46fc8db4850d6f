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
// So no signal is missed, and the loop needs no system call besides its reads.
#pragma once

namespace ipcdev {

// Catches the signals while it exists. Its destructor stops the timer and ignores the
// signals from then on, so that nothing interrupts the unmount. Make at most one.
class StopSignals {
  public:
    StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    ~StopSignals();
};

// The signal that came; 0 if none.
[[nodiscard]] int stop_requested();

} // namespace ipcdev
