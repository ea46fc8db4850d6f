// SPDX-License-Identifier: MIT
//
// Errors by their words: EAGAIN.
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace ipcdev::test {

// "EAGAIN", or "errno N" if it has no word.
[[nodiscard]] inline std::string errno_text(int error) {
    const char* name = strerrorname_np(error);
    return name != nullptr ? name : "errno " + std::to_string(error);
}

// The error of that word, if there is one.
[[nodiscard]] inline std::optional<int> errno_of(std::string_view text) {
    constexpr int largest = 133; // of Linux: EHWPOISON
    for (int error = 1; error <= largest; ++error) {
        if (const char* name = strerrorname_np(error); name != nullptr && text == name) {
            return error;
        }
    }
    return {};
}

} // namespace ipcdev::test
