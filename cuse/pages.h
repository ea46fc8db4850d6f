// SPDX-License-Identifier: MIT
//
// Memory for messages and for the state of the device: whole pages from the kernel, initially
// zero, and excluded from core dumps, which must not contain messages.
//
// While there is a SharedRange they are in there: forked processes share it, at the same addresses,
// and changes in it are recorded (kept.h). So another process can go on with them when this one
// is killed (keeper.h).
#pragma once

#include <sys/mman.h>

#include <cassert>
#include <cstddef>
#include <new>
#include <span>
#include <vector>

#include "kept.h"

namespace ipcdev {

// One at a time. All pages that are made while it lives are part of it; it outlives them.
class SharedRange {
  public:
    // Throws std::bad_alloc, also if something else is at its addresses.
    SharedRange();
    SharedRange(const SharedRange&) = delete;
    SharedRange& operator=(const SharedRange&) = delete;
    ~SharedRange();

    // From now on its pages stay in memory once they are touched, as far as this process is
    // concerned: one that it forks locks them anew. False, and nothing changes, if RLIMIT_MEMLOCK
    // does not allow that.
    [[nodiscard]] bool lock();
    [[nodiscard]] bool is_locked() const { return is_locked_; }

    // Null if there is none.
    [[nodiscard]] static SharedRange* current() { return current_; }
    // Whole pages for that many bytes, which nobody else gets later. Throws std::bad_alloc.
    [[nodiscard]] std::byte* take(std::size_t wanted);
    // Did one take() give exactly these?
    [[nodiscard]] bool gave(const std::byte* begin, std::size_t wanted) const;
    // Are the bytes there in what was taken?
    [[nodiscard]] bool has(const void* place, std::size_t bytes) const;
    // What was taken after used() bytes had been is taken again, in the same order: whoever has
    // it now does not use it any more.
    [[nodiscard]] std::size_t used() const { return used_; }
    void take_again_from(std::size_t used) { used_ = used; }

  private:
    inline static SharedRange* current_ = nullptr;

    struct Given {
        const std::byte* begin;
        std::size_t wanted;
        bool operator==(const Given&) const = default;
    };

    std::byte* begin_ = nullptr;
    std::size_t used_ = 0;
    bool is_locked_ = false;
    std::vector<Given> given_; // like this object, not in the pages that processes share
};

class Pages {
  public:
    // Pages take memory when first touched. `protection` as for mmap(2); not of shared ones. Throws
    // std::bad_alloc.
    explicit Pages(std::size_t bytes, int protection = PROT_READ | PROT_WRITE);
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;
    ~Pages();

    [[nodiscard]] std::byte* begin() const { return begin_; }
    [[nodiscard]] std::size_t size() const { return bytes_; }
    [[nodiscard]] std::span<std::byte> bytes() const { return {begin_, bytes_}; }

    // As mprotect(2). False, and nothing changes, if the system refuses. Does nothing to shared
    // ones, whose protection another process would not have.
    [[nodiscard]] bool protect(std::size_t offset, std::size_t bytes, int protection) const;
    // Gets memory for shared ones at once: where the system has none left, this fails, and a
    // write would kill the process. Also maps into this process what has memory.
    [[nodiscard]] bool populate(std::size_t offset, std::size_t bytes) const;
    // Keeps them all in memory while this process lives, if RLIMIT_MEMLOCK allows it.
    void lock() const { mlock(begin_, bytes_); }
    // They are zero again, and take no memory until touched. At once: can't be undone.
    void give_back(std::size_t offset, std::size_t bytes) const;

  private:
    const std::size_t bytes_;
    const bool is_shared_;
    std::byte* begin_ = nullptr;
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
            --made_;
            at(made_)->~T();
        }
    }

    // Null once all are made.
    [[nodiscard]] T* make() {
        if (made_ == count_) {
            return nullptr;
        }
        ++made_;
        return new (at(made_ - 1)) T();
    }
    // The next one as it is there, instead of making it. Requires: not all are made.
    [[nodiscard]] T& take_over() {
        ++made_;
        return *at(made_ - 1);
    }
    [[nodiscard]] T* at(std::size_t index) { return reinterpret_cast<T*>(pages_.begin()) + index; }
    [[nodiscard]] std::size_t index_of(const T& object) const {
        return static_cast<std::size_t>(&object - reinterpret_cast<const T*>(pages_.begin()));
    }
    [[nodiscard]] std::size_t made() const { return made_; }
    [[nodiscard]] std::size_t count() const { return count_; }
    // Gives the memory back. Requires: none is made, as here.
    void wipe() const { pages_.give_back(0, pages_.size()); }

  private:
    friend class Validation;

    const std::size_t count_;
    Kept<std::size_t> made_;
    Pages pages_;
};

} // namespace ipcdev
