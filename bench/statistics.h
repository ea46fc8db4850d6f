// SPDX-License-Identifier: MIT
//
// Summarises repeated samples: the median and the spread.
#pragma once

#include <vector>

namespace ipcdev::bench {

struct Figure {
    double median = 0;
    double low = 0;  // first quartile
    double high = 0; // third quartile
    double min = 0;
    double max = 0;
};

// The quantile of `part` (0 to 1), interpolated linearly between neighbouring samples.
// Requires: `sorted` is in ascending order and not empty.
[[nodiscard]] double quantile(const std::vector<double>& sorted, double part);

// Requires: at least one sample.
[[nodiscard]] Figure figure_of(std::vector<double> samples);

} // namespace ipcdev::bench
