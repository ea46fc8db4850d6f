// SPDX-License-Identifier: MIT
#include "measure.h"

namespace ipcdev::bench {

std::string why_no_message_of(const Peer& peer, std::size_t bytes) {
    return bytes > peer.abilities.message_bytes ? peer.abilities.no_longer : "";
}

std::string first_reason(std::initializer_list<std::string> reasons) {
    for (const auto& reason : reasons) {
        if (!reason.empty()) {
            return reason;
        }
    }
    return {};
}

std::vector<Case> one_per_size(const Scope& scope) {
    std::vector<Case> cases;
    cases.reserve(scope.sizes.size());
    for (const std::size_t bytes : scope.sizes) {
        cases.push_back({.bytes = bytes});
    }
    return cases;
}

std::vector<Case> one_per(const std::vector<unsigned>& parameters) {
    std::vector<Case> cases;
    cases.reserve(parameters.size());
    for (const unsigned parameter : parameters) {
        cases.push_back({.parameter = parameter});
    }
    return cases;
}

std::vector<Measure> all_measures() {
    return {same_thread(), round_trip(),     polled_round_trip(), throughput(),
            streaming(),   batch(),          standing_depth(),    throughput_by_depth(),
            crowd(),       parked_readers(), system_calls(),      memory_per_message()};
}

} // namespace ipcdev::bench
