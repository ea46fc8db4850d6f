// SPDX-License-Identifier: MIT
//
// What became of every eight bytes that went through the device, in memory that
// all processes of the stress share. Each unit of eight bytes has a number of its
// own, which is what it holds; so one that is lost, doubled or mixed up shows.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ipcdev::stress {

using Unit = std::uint64_t;

inline constexpr std::size_t unit_bytes = sizeof(Unit);

// What clients did, for the summary and to be held against STATS.
enum Counter : unsigned {
    written_messages,
    written_bytes,
    read_calls,
    read_bytes,
    read_faults,
    write_faults,
    interrupted_calls,
    polls,
    opens,
    clears,
    configures,
    counters
};

class UnitRecord {
  public:
    // For at most that many operations; must be made before the clients.
    explicit UnitRecord(long operations);
    UnitRecord(const UnitRecord&) = delete;
    UnitRecord& operator=(const UnitRecord&) = delete;
    ~UnitRecord();

    // One of the operations; false once all are taken.
    [[nodiscard]] bool take_operation() { return left_->fetch_sub(1) > 0; }
    [[nodiscard]] long left() const { return left_->load(); }

    // New numbers, for a message to be.
    void number(std::span<Unit> message);
    // Its write succeeded.
    void sent(std::span<const Unit> message);
    // What one read returned: throws unless these follow each other in one
    // message and nobody had them before.
    void received(std::span<const Unit> part);
    // Of a message that came.
    [[nodiscard]] bool is_last_of_its_message(Unit unit) const {
        return (states_[unit] & is_last) != 0;
    }

    void count(Counter counter, std::uint64_t by = 1) { (*counts_)[counter] += by; }
    [[nodiscard]] std::uint64_t counted(Counter counter) const { return (*counts_)[counter]; }

    // Units of which the write succeeded and that nobody read, and the reverse.
    [[nodiscard]] std::size_t lost() const;
    [[nodiscard]] std::size_t unexpected() const;

  private:
    enum : std::uint8_t { is_sent = 1, is_received = 2, is_first = 4, is_last = 8 };

    [[nodiscard]] std::size_t count_of(std::uint8_t state) const;

    std::size_t capacity_;
    void* memory_;
    std::size_t bytes_;
    std::atomic<long>* left_;
    std::atomic<Unit>* next_;
    std::array<std::atomic<std::uint64_t>, counters>* counts_;
    std::atomic<std::uint8_t>* states_; // of each unit
};

} // namespace ipcdev::stress
