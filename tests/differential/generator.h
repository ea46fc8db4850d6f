// SPDX-License-Identifier: MIT
//
// The random client. Its next step depends only on the seed and on the core's state, so a
// seed does the same on each server. Rare cases are frequent: a full and an empty fifo,
// parked calls, short reads, opens that clients share and close with part of a message,
// rings and slots, messages of the wrong size.
#pragma once

#include <cstdint>
#include <random>

#include "oracle.h"

namespace ipcdev::differential {

class Generator {
  public:
    Generator(std::uint64_t seed, std::size_t clients) : random_(seed), clients_(clients) {}

    [[nodiscard]] Settings settings();
    [[nodiscard]] Step next(const Oracle& oracle);

  private:
    // 0 to limit - 1, the same on each machine
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    bool percent(unsigned share) { return below(100) < share; }

    Step random_step(const Oracle& oracle);
    Step other_step(const Oracle& oracle);
    Step open_or_close(const Oracle& oracle);
    Step configure(const Settings& now);
    Step call(const Settings& now, std::size_t client);
    std::size_t open_for(std::size_t client);
    Step read(const Settings& now);
    Step write(const Settings& now);
    Step batch_read(const Settings& now);
    Step batch_write(const Settings& now);
    std::uint64_t size(std::uint64_t max_message);
    std::string payload(std::uint64_t bytes);

    std::mt19937_64 random_;
    std::size_t clients_;
    std::uint64_t writes_ = 0;
    unsigned writing_percent_ = 50; // changes from time to time, so that a fifo fills and drains
};

} // namespace ipcdev::differential
