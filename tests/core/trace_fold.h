// SPDX-License-Identifier: MIT
//
// Equal outputs of clients that are numbered one after the other become one line
// (`C1..C9: parked`), so that thousands of clients stay readable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ipcdev::test {

// The names in `C8..C11`. Throws std::invalid_argument if it is no such range.
[[nodiscard]] std::vector<std::string> names_in(std::string_view range);

// Folds neighbouring lines of one step, as when one input ends many calls.
[[nodiscard]] std::vector<std::string> folded(const std::vector<std::string>& lines);

// Folds steps, one for each client of a range, that have the same outputs but for
// the client's own name.
class Crowd {
  public:
    void add(const std::string& name, std::vector<std::string> outputs);
    [[nodiscard]] std::vector<std::string> lines();

  private:
    void flush();

    std::vector<std::string> lines_;
    std::vector<std::string> same_; // outputs of first_ to last_, the own name left out
    std::string first_;
    std::string last_;
};

} // namespace ipcdev::test
