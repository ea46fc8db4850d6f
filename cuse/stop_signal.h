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
//
// To a keeper (keeper.h) SIGHUP is no end but a request for an upgrade, and its wait for the server
// is the blocking call. But if the terminal that it was started on is gone, it ends.
#pragma once

#include <csignal>

namespace ipcdev {

// Catches the signals while it exists. Its destructor stops the timer and ignores the
// signals from then on, so that nothing interrupts the unmount. Make at most one.
class StopSignals {
  public:
    explicit StopSignals(bool keeps);
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    ~StopSignals();
};

// The signal that came; 0 if none.
[[nodiscard]] int stop_requested();

// Whether SIGHUP came since the last take_upgrade_request(), which returns the same.
[[nodiscard]] bool upgrade_requested();
[[nodiscard]] bool take_upgrade_request();
// In a process that can do nothing about it.
void ignore_upgrade_requests();

// While it exists the signals wait. They go on to do so in a program that is executed meanwhile,
// which must catch them and then call let_signals_in().
class HeldSignals {
  public:
    HeldSignals();
    HeldSignals(const HeldSignals&) = delete;
    HeldSignals& operator=(const HeldSignals&) = delete;
    ~HeldSignals();

  private:
    sigset_t before_{};
};
void let_signals_in();

} // namespace ipcdev
