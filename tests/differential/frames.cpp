// SPDX-License-Identifier: MIT
#include "frames.h"

#include <cstdint>
#include <cstring>

namespace ipcdev::differential {

namespace {

constexpr std::size_t head_bytes = 8;
constexpr std::size_t unit = 8; // of padding
constexpr std::uint32_t remainder_flag = 1;

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
    std::uint32_t number = 0;
    std::memcpy(&number, bytes.data() + at, sizeof(number));
    return number;
}

void add_number(std::string& bytes, std::uint32_t number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

} // namespace

std::string frames_of(const std::vector<std::string>& messages) {
    std::string bytes;
    for (const std::string& message : messages) {
        add_number(bytes, static_cast<std::uint32_t>(message.size()));
        add_number(bytes, 0);
        bytes += message;
        while (bytes.size() % unit != 0) {
            bytes += '\0';
        }
    }
    return bytes;
}

std::optional<std::vector<test::Frame>> parse_frames(std::string_view bytes) {
    std::vector<test::Frame> frames;
    while (!bytes.empty()) {
        if (bytes.size() < head_bytes) {
            return {};
        }
        const std::size_t length = number_at(bytes, 0);
        const std::uint32_t flags = number_at(bytes, sizeof(std::uint32_t));
        const std::size_t padding = (unit - length % unit) % unit;
        if (length == 0 || flags > remainder_flag || bytes.size() - head_bytes < length + padding) {
            return {};
        }
        const std::string_view after = bytes.substr(head_bytes + length, padding);
        if (after.find_first_not_of('\0') != std::string_view::npos) {
            return {};
        }
        frames.push_back({.text = std::string(bytes.substr(head_bytes, length)),
                          .remainder = flags == remainder_flag});
        bytes.remove_prefix(head_bytes + length + padding);
    }
    return frames;
}

} // namespace ipcdev::differential
