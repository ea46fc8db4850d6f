// SPDX-License-Identifier: MIT
#include "placement.h"

#include <sched.h>

#include <filesystem>
#include <stdexcept>
#include <utility>

#include "support/errors.h"

namespace ipcdev::bench {

namespace {

// The ones that this process might use when the program started: it pins itself later.
const std::vector<int>& usable() {
    static const std::vector<int> all = [] {
        cpu_set_t set;
        test::checked(sched_getaffinity(0, sizeof(set), &set), "sched_getaffinity");
        std::vector<int> found;
        for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
            if (CPU_ISSET(static_cast<unsigned>(processor), &set)) {
                found.push_back(processor);
            }
        }
        return found;
    }();
    return all;
}

bool restrict_to(pid_t process, const std::vector<int>& processors) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int processor : processors) {
        CPU_SET(static_cast<unsigned>(processor), &set);
    }
    if (process == 0) {
        return sched_setaffinity(0, sizeof(set), &set) == 0;
    }
    bool done = true;
    std::error_code gone;
    const std::filesystem::directory_iterator tasks("/proc/" + std::to_string(process) + "/task",
                                                    gone);
    for (const auto& task : tasks) {
        const pid_t thread = std::stoi(task.path().filename());
        done = sched_setaffinity(thread, sizeof(set), &set) == 0 && done;
    }
    return done && !gone;
}

} // namespace

std::string name_of(Spread spread) {
    return spread == Spread::one_core ? "one-core" : "two-cores";
}

Placement::Placement(Spread spread)
    : spread_(spread), here_(usable().front()),
      there_(spread == Spread::one_core ? here_ : usable().back()) {
    if (spread == Spread::two_cores && here_ == there_) {
        throw std::runtime_error("--placement two-cores: there is only one processor to use");
    }
}

bool Placement::pin(pid_t process, int processor) {
    return restrict_to(process, {processor});
}

PinnedServers::PinnedServers(std::vector<pid_t> servers, const Placement& placement)
    : servers_(std::move(servers)), processors_(usable()) {
    for (const pid_t server : servers_) {
        if (!Placement::pin(server, placement.there())) {
            throw std::runtime_error("can't place process " + std::to_string(server) +
                                     ": it must be yours, or be root");
        }
    }
}

PinnedServers::~PinnedServers() {
    for (const pid_t server : servers_) {
        restrict_to(server, processors_);
    }
}

} // namespace ipcdev::bench
