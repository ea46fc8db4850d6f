// SPDX-License-Identifier: MIT
//
// Traffic whose every byte tells where it belongs, for many clients at once.
//
// A message is some records of 8 bytes: which writer made it, its number among
// that writer's messages, the record's place in it. Readers read multiples of 8
// bytes, so that short reads split messages but no records, and keep what they
// read in memory that the suite shares: it is there even if they are killed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client.h"

namespace ipcdev::conformance {

struct Record {
    std::uint16_t writer = 0;
    std::uint16_t place = 0;
    std::uint32_t message = 0;

    auto operator<=>(const Record&) const = default;
};
static_assert(sizeof(Record) == 8);

// The records of a writer's message: 1 to 8, as the number gives.
[[nodiscard]] std::vector<Record> records_of(unsigned writer, std::uint32_t message);

// A reader that reads this record ends.
inline constexpr Record stop{.writer = 0xFFFF};

// What one client did. Made before the client is started, in shared memory.
struct Log {
    static constexpr std::size_t capacity = 32768;

    std::atomic<std::uint32_t> written;    // messages, by a writer
    std::atomic<std::uint32_t> read;       // records, by a reader
    std::atomic<std::uint32_t> interrupts; // calls that ended with EINTR
    Record records[capacity];              // what a reader read
};

class SharedLog {
  public:
    SharedLog();

    Log* operator->() const { return log_.get(); }
    [[nodiscard]] std::int64_t address() const {
        return reinterpret_cast<std::intptr_t>(log_.get());
    }
    [[nodiscard]] std::vector<Record> records() const;

  private:
    struct Unmap {
        void operator()(Log* log) const;
    };
    std::unique_ptr<Log, Unmap> log_;
};

// Actions for clients. They go on after EINTR, and wait with epoll after EAGAIN.
namespace action {

Outcome write_messages(const Call& call); // numbers: the log's address, the writer, how many
// numbers: the log's address, bytes per read, and a seed: not 0, and each read asks for
// fewer or as many, at random.
Outcome read_records(const Call& call);

// Slot: the value is a number of 8 bytes.
Outcome write_numbers(const Call& call); // numbers: how many, the first is 1
Outcome read_numbers(const Call& call);  // until slot_stop; fails if one isn't above the last

} // namespace action

inline constexpr std::uint64_t slot_stop = ~std::uint64_t{0};

} // namespace ipcdev::conformance
