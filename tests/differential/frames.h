// SPDX-License-Identifier: MIT
//
// The bytes of a batch, by the words of the interface alone and with nothing of the
// product's: 32 bits of length, 32 bits of flags, the message, 0 up to a multiple of 8.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine.h"

namespace ipcdev::differential {

[[nodiscard]] std::string frames_of(const std::vector<std::string>& messages);

// The texts, and which are remainders. Nothing, if these are no whole frames.
[[nodiscard]] std::optional<std::vector<test::Frame>> parse_frames(std::string_view bytes);

} // namespace ipcdev::differential
