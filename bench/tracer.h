// SPDX-License-Identifier: MIT
//
// Counts system calls by ptrace(2). Who is traced runs many times slower meanwhile:
// only the counts mean something.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace ipcdev::bench {

struct SystemCalls {
    std::uint64_t client = 0;
    std::uint64_t servers = 0;
};

// Follows children of the calling process and whom it has seized, until the process
// ends: so this is for a helper that does nothing else, and has no other children.
class Tracer {
  public:
    // All threads of a process. False if this user may not.
    [[nodiscard]] static bool seize(pid_t process);

    // Runs the body in a child; counts its calls, and those of the seized meanwhile.
    [[nodiscard]] SystemCalls count(const std::function<void()>& body);

  private:
    void follow_until_end_of(pid_t child);
    void handle_stop(pid_t thread, int status, pid_t child);

    std::uint64_t client_stops_ = 0; // two a call: as it begins and as it ends
    std::uint64_t server_stops_ = 0;
};

} // namespace ipcdev::bench
