// SPDX-License-Identifier: MIT
//
// Memory for messages: whole pages from the kernel, initially zero, and excluded from core
// dumps, which must not contain messages.
#pragma once

#include <sys/mman.h>

#include <cassert>
#include <cstddef>
#include <new>
#include <span>

namespace ipcdev {

class Pages {
  public:
    // Pages take memory when first touched. `protection` as for mmap(2). Throws
    // std::bad_alloc.
    explicit Pages(std::size_t bytes, int protection = PROT_READ | PROT_WRITE);
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;
    ~Pages();

    [[nodiscard]] std::byte* begin() const { return begin_; }
    [[nodiscard]] std::size_t size() const { return bytes_; }
    [[nodiscard]] std::span<std::byte> bytes() const { return {begin_, bytes_}; }

  private:
    const std::size_t bytes_;
    std::byte* begin_;
};

// Room for a number of objects, which are made one by one and live as long as this. They
// take memory as they are made.
template <typename T> class Places {
  public:
    // Throws std::bad_alloc.
    explicit Places(std::size_t count) : count_(count), pages_(count * sizeof(T)) {}
    Places(const Places&) = delete;
    Places& operator=(const Places&) = delete;
    ~Places() {
        while (made_ != 0) {
            at(--made_)->~T();
        }
    }

    // Null once all are made.
    [[nodiscard]] T* make() { return made_ == count_ ? nullptr : new (at(made_++)) T(); }

  private:
    T* at(std::size_t index) { return reinterpret_cast<T*>(pages_.begin()) + index; }

    const std::size_t count_;
    std::size_t made_ = 0;
    Pages pages_;
};

} // namespace ipcdev
