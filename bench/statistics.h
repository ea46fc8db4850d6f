// SPDX-License-Identifier: MIT
//
// A figure from repeated samples: the median, and how far the samples are spread.
#pragma once

#include <vector>

namespace ipcdev::bench {

struct Figure {
    double median = 0;
    double low = 0; // quartiles
    double high = 0;
    double min = 0;
    double max = 0;
};

// The value below which that part of them lies, between neighbours by proportion.
// `sorted` must be, and not be empty.
[[nodiscard]] double quantile(const std::vector<double>& sorted, double part);

// Of at least one sample.
[[nodiscard]] Figure figure_of(std::vector<double> samples);

} // namespace ipcdev::bench
