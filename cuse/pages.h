// SPDX-License-Identifier: MIT
//
// Memory for messages and for the state of the device: whole pages from the kernel, initially
// zero, and excluded from core dumps, which must not contain messages.
//
// While there is a SharedRange they are in there: forked processes share it, at the same addresses,
// and changes in it are recorded (kept.h). So another process can go on with them when this one
// is killed (keeper.h), and another program when this one executes it (upgrade.h).
#pragma once

#include <sys/mman.h>

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <string>

#include "kept.h"

namespace ipcdev {

// What a program that goes on asks for by name. The rest hangs on the device.
enum class Part : std::uint8_t {
    device,  // Operations
    session, // SessionState
    request, // the loop's buffer
    remains  // what Renewal has beside the device
};

// One at a time. All pages that are made while it lives are part of it; it outlives them. Its
// memory is a file without a name, so another program can have it at the same addresses.
class SharedRange {
  public:
    // An empty one. Throws std::bad_alloc, also if something else is at its addresses, and
    // std::runtime_error if files may not be that large here.
    SharedRange();
    // Goes on with one, as it was left, and takes over the descriptor. Throws likewise, and
    // std::runtime_error if that is no such memory.
    explicit SharedRange(int memory);
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
    // Whole pages for that many bytes, which nobody else gets later. A part that was taken already
    // is the same again, and holds what it did. Throws std::bad_alloc.
    [[nodiscard]] std::byte* take(std::size_t wanted, std::optional<Part> part = {});
    // Did one take() give exactly these?
    [[nodiscard]] bool gave(const std::byte* begin, std::size_t wanted) const;
    // Are the bytes there in what was taken?
    [[nodiscard]] bool has(const void* place, std::size_t bytes) const;
    // What was taken after used() bytes had been is taken again, in the same order: whoever has
    // it now does not use it any more.
    [[nodiscard]] std::size_t used() const { return taken_.used; }
    void take_again_from(std::size_t used) { taken_.used = used; }

    // The descriptor for another program, and all that was taken so far is known there. Call it
    // before servers are forked: they can't write where that is said.
    [[nodiscard]] int hand_over();
    // A word that says how what is in there is laid out, for which all must have been taken. Only
    // programs of the same word can go on with each other's.
    [[nodiscard]] std::string layout() const;

  private:
    struct Header;

    void map();

    inline static SharedRange* current_ = nullptr;

    // What was taken.
    struct Given {
        std::uint64_t offset;
        std::uint64_t bytes; // as wanted
        bool operator==(const Given&) const = default;
    };
    struct Taken {
        std::uint64_t used; // of the range, from its begin
        std::uint64_t count;
        std::array<Given, 32> given;
        std::array<Given, 4> parts; // bytes 0: was not taken
    };

    const int memory_;
    std::byte* begin_ = nullptr;
    // The Header at the begin is for the next program only. This is believed: a server that goes
    // wrong may damage its own, but not the keeper's, which the next server gets.
    Taken taken_{};
    std::uint32_t version_; // of the layout
    bool is_locked_ = false;
};

class Pages {
  public:
    // Pages take memory when first touched. `protection` as for mmap(2); not of shared ones. Throws
    // std::bad_alloc.
    explicit Pages(std::size_t bytes, int protection = PROT_READ | PROT_WRITE)
        : Pages(bytes, protection, std::nullopt) {}
    // As that part of the shared ones, if there are any.
    Pages(std::size_t bytes, Part part) : Pages(bytes, PROT_READ | PROT_WRITE, part) {}
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
    Pages(std::size_t bytes, int protection, std::optional<Part> part);

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
