// SPDX-License-Identifier: MIT
//
// Memory that processes share, from the four sources that Linux has. Its name, if it
// ever had one, is gone before the constructor returns, so nothing can be left behind.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

namespace ipcdev::bench {

enum class Source { anonymous, file, posix, sysv };

class Memory {
  public:
    Memory(Source source, std::size_t bytes);
    Memory(Memory&& other) noexcept
        : source_(other.source_), data_(std::exchange(other.data_, nullptr)), bytes_(other.bytes_) {
    }
    Memory& operator=(Memory&&) = delete;
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory();

    [[nodiscard]] std::byte* data() const { return data_; } // zeroed, page-aligned
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    Source source_;
    std::byte* data_ = nullptr;
    std::size_t bytes_;
};

} // namespace ipcdev::bench
