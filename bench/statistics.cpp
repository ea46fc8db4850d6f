// SPDX-License-Identifier: MIT
#include "statistics.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace ipcdev::bench {

double quantile(const std::vector<double>& sorted, double part) {
    if (sorted.empty()) {
        throw std::invalid_argument("no samples");
    }
    const double place = part * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(std::floor(place));
    const auto above = static_cast<std::size_t>(std::ceil(place));
    return sorted[below] + (sorted[above] - sorted[below]) * (place - std::floor(place));
}

Figure figure_of(std::vector<double> samples) {
    std::ranges::sort(samples);
    return {.median = quantile(samples, 0.5),
            .low = quantile(samples, 0.25),
            .high = quantile(samples, 0.75),
            .min = quantile(samples, 0),
            .max = quantile(samples, 1)};
}

} // namespace ipcdev::bench
