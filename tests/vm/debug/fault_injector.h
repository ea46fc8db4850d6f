// SPDX-License-Identifier: MIT
//
// The kernel's fault injection, for system calls of this thread.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>

#include "support/descriptor.h"
#include "support/errors.h"

namespace ipcdev::fail_nth {

using test::checked;
using test::Descriptor;

inline void expect(bool holds, const std::string& sentence) {
    if (!holds) {
        throw std::runtime_error("this does not hold: " + sentence);
    }
}

// What a call returned, and whether a fault was injected into it.
struct Outcome {
    long result;
    int error;
    bool injected;
};

// /proc/thread-self/fail-nth: writing n makes the thread's nth point of injection from now
// on fail. See Documentation/fault-injection/fault-injection.rst.
class FaultInjector {
  public:
    FaultInjector() : control_(checked(::open("/proc/thread-self/fail-nth", O_RDWR), "fail-nth")) {}

    template <class Call> Outcome run(unsigned nth, Call call) {
        const std::string text = std::to_string(nth);
        checked(pwrite(control_.get(), text.data(), text.size(), 0), "fail-nth");
        errno = 0;
        const long result = call();
        const int error = errno;
        return {result, error, disarm()};
    }

  private:
    // The file reads 0 once the fault was injected. Both this read and the write that
    // disarms copy user memory themselves, so the fault may hit either of them.
    bool disarm() {
        std::array<char, 16> left{};
        const ssize_t got = pread(control_.get(), left.data(), left.size() - 1, 0);
        const bool struck = got > 0 && std::string(left.data()) == "0\n";
        if (pwrite(control_.get(), "0", 1, 0) == -1 && errno != EFAULT) {
            test::throw_errno("fail-nth");
        }
        return struck;
    }

    Descriptor control_;
};

} // namespace ipcdev::fail_nth
