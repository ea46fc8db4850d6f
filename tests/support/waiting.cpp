// SPDX-License-Identifier: MIT
#include "support/waiting.h"

#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>

#include "support/watchdog.h"

namespace ipcdev::test {

void back_off(unsigned attempt) {
    if (attempt < 10) {
        sched_yield();
        return;
    }
    const long microseconds = std::min(50L * attempt, 5000L);
    const timespec pause{.tv_sec = 0, .tv_nsec = microseconds * 1000};
    ppoll(nullptr, 0, &pause, nullptr);
}

void still_in_time() {
    if (watchdog::expired()) {
        throw std::runtime_error("the time of the test is over");
    }
}

} // namespace ipcdev::test
