// SPDX-License-Identifier: MIT
//
// Values whose changes can be undone. A state that consists of them, in memory that outlives
// the process, is never found half changed, even if the process is killed at any instruction:
//
//     value = x        the log records what was there; then the value changes
//     commit()         one store: the changes hold
//     roll_back()      undoes all changes since the last commit, the latest first
//
// Why that is so. A kill comes between two instructions:
//   before the entry counts     the value has not changed;
//   after that                  roll_back() restores it, whether or not it had changed;
//   in roll_back()              no entry is dropped before all are undone, so the next one
//                               starts anew, and ends with the oldest value of each place;
//   before or after commit()    there is one store, and nothing in between.
// Compiler barriers keep that order; the processor keeps the order of one thread for
// whoever maps the memory after that thread is gone.
//
// An entry is a whole line of 64 bytes, and is made for the first change there since the last
// commit: what is changed again and again, as counters and the ends of lists are by a batch,
// costs a look into a small table. So bytes that are no Kept value are restored too if they
// share a line with one that changed before them.
//
// Only changes in the range that is watched are recorded: elsewhere Kept costs a comparison.
// Constructing an object is not a change, unless its memory was in use since the last commit: the
// owner notes that.
#pragma once

#include <array>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <type_traits>

namespace ipcdev {

// Lies in the memory that it guards. All-zero bytes are an empty log.
class UndoLog {
  public:
    static constexpr std::size_t line_bytes = 64;
    // Lines; the owner commits before it has changed more.
    static constexpr std::uint64_t capacity = std::uint64_t{1} << 16U;

    // The addresses that are watched: a range that a comparison of high bits finds, and that
    // nothing gets by itself.
    static constexpr std::uintptr_t watched_begin = std::uintptr_t{1} << 45U;
    static constexpr std::size_t watched_bytes = std::size_t{1} << 30U;

    // From now on records this process's changes there. One log at a time.
    // Requires: no change is recorded.
    void watch() {
        log_ = this;
        begin_era();
    }
    static void watch_nothing() {
        log_ = nullptr;
        begin_era();
    }

    // Call it before the bytes there change.
    static void note(const void* place, std::size_t bytes) {
        const auto at = reinterpret_cast<std::uintptr_t>(place);
        if (is_watched(at)) {
            for (std::uint32_t line = line_of(at); line <= line_of(at + bytes - 1); ++line) {
                note_line(line);
            }
        }
    }
    template <typename T> static void note(const T& value) {
        // NOLINTNEXTLINE(bugprone-sizeof-expression,misc-redundant-expression): T may be a pointer
        if constexpr (sizeof(T) == alignof(T)) {
            note_one(reinterpret_cast<std::uintptr_t>(&value));
        } else {
            note(&value, sizeof(T));
        }
    }

    // The changes so far hold.
    void commit() {
        if (count_ == 0) {
            return;
        }
        barrier();
        count_ = 0;
        barrier();
        begin_era();
    }

    void roll_back() {
        for (std::uint64_t at = count_; at != 0; --at) {
            const Entry& entry = entries_[at - 1];
            copy_line(line_at(entry.line), entry.bytes);
        }
        commit();
    }

    // Lines, since the last commit.
    [[nodiscard]] std::uint64_t changes() const { return count_; }

    // For tests: records every change, also in a line that is recorded, and calls `full` instead
    // of recording more than `most`, as if the process ended there. It does not return.
    static void stop_after(std::uint64_t most, void (*full)()) {
        most_ = most;
        full_ = full;
        each_ = true;
    }
    // The end of that.
    static void go_on() {
        most_ = capacity;
        full_ = std::abort;
        each_ = false;
    }

  private:
    friend class Validation;

    struct Entry {
        std::uint64_t line;
        std::byte bytes[line_bytes]; // NOLINT(modernize-avoid-c-arrays): all-zero as it is
    };

    // An era is what is between two commits. Its number, as far as it fits above that of a line,
    // marks the lines that were recorded in it.
    static constexpr unsigned line_bits = 24;
    static_assert(watched_bytes / line_bytes <= std::size_t{1} << line_bits);

    static bool is_watched(std::uintptr_t at) {
        return at / watched_bytes == watched_begin / watched_bytes;
    }
    static std::uint32_t line_of(std::uintptr_t at) {
        return static_cast<std::uint32_t>(at % watched_bytes / line_bytes);
    }

    static void begin_era() {
        mark_ += std::uint32_t{1} << line_bits;
        if (mark_ == 0) {
            recent_.fill(0); // numbers come again from here on
            begin_era();
        }
    }

    // Not inline: the daemon's code is cold in the caches at each call, so less of it is faster.
    [[gnu::__noinline__]] static void note_one(std::uintptr_t at) {
        if (is_watched(at)) {
            note_line(line_of(at));
        }
    }
    static void note_line(std::uint32_t line) {
        if (recent_[line % recent_.size()] != (line | mark_)) {
            add(line);
        }
    }

    static void barrier() { std::atomic_signal_fence(std::memory_order_seq_cst); }

    static std::byte* line_at(std::uintptr_t line) {
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        return reinterpret_cast<std::byte*>(watched_begin + (line * line_bytes));
    }
    // Its bytes may be of several objects, and of some that a sanitizer has forbidden.
    __attribute__((no_sanitize("address"))) static void copy_line(std::byte* to,
                                                                  const std::byte* from) {
#ifdef __OPTIMIZE__
        __builtin_memcpy(to, from, line_bytes); // no call, which a sanitizer would look at
#else
        for (std::size_t at = 0; at < line_bytes; ++at) {
            to[at] = from[at];
        }
#endif
    }

    [[gnu::__noinline__]] static void add(std::uint32_t line) {
        if (log_ != nullptr) {
            log_->record(line);
        }
        if (!each_) {
            recent_[line % recent_.size()] = line | mark_;
        }
    }

    void record(std::uint32_t line) {
        if (count_ >= most_) {
            full_();
        }
        Entry& entry = entries_[count_];
        copy_line(entry.bytes, line_at(line));
        entry.line = line;
        barrier();
        ++count_;
        barrier();
    }

    inline static UndoLog* log_ = nullptr;
    // Some of the lines that were recorded in this era.
    inline static std::array<std::uint32_t, 2048> recent_{};
    inline static std::uint32_t mark_ = std::uint32_t{1} << line_bits; // the era's number
    inline static std::uint64_t most_ = capacity;
    inline static void (*full_)() = std::abort;
    inline static bool each_ = false;

    alignas(line_bytes) std::uint64_t count_;
    Entry entries_[capacity]; // NOLINT(modernize-avoid-c-arrays): likewise
};

// A T that records each change. It behaves as a T otherwise.
// may_alias: see ListHook.
template <typename T> class [[gnu::may_alias]] Kept {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    constexpr Kept() = default;
    constexpr Kept(T value) : value_(value) {} // NOLINT: converts, as a T would
    Kept(const Kept&) = default;
    ~Kept() = default;

    // NOLINTNEXTLINE(bugprone-unhandled-self-assignment): owns nothing
    Kept& operator=(const Kept& other) {
        set(other.value_);
        return *this;
    }
    Kept& operator=(const T& value) {
        set(value);
        return *this;
    }

    // Of an object that nothing refers to yet: not a change, as for a constructor.
    void construct(const T& value) { value_ = value; }

    constexpr operator const T&() const { return value_; } // NOLINT: likewise
    [[nodiscard]] constexpr const T& get() const { return value_; }
    T operator->() const requires std::is_pointer_v<T> { return value_; }
    const T* operator->() const requires std::is_class_v<T> { return &value_; }

    Kept& operator++() { return *this = static_cast<T>(value_ + 1); }
    Kept& operator--() { return *this = static_cast<T>(value_ - 1); }
    Kept& operator+=(const T& other) { return *this = static_cast<T>(value_ + other); }
    Kept& operator-=(const T& other) { return *this = static_cast<T>(value_ - other); }
    Kept& operator|=(const T& other) { return *this = static_cast<T>(value_ | other); }
    Kept& operator&=(const T& other) { return *this = static_cast<T>(value_ & other); }

  private:
    void set(T value) {
        UndoLog::note(value_);
        value_ = value;
    }

    T value_{};
};

// An object whose plain values change together: recorded as a whole, once for all the changes until
// the next commit.
template <typename T> class KeptWhole {
  public:
    template <typename... Args> explicit KeptWhole(const Args&... args) : value_{args...} {}

    [[nodiscard]] const T& get() const { return value_; }
    const T* operator->() const { return &value_; }
    // To change it, until the next commit.
    [[nodiscard]] T& change() {
        UndoLog::note(&value_, sizeof(value_));
        return value_;
    }

  private:
    T value_;
};

} // namespace ipcdev
