// SPDX-License-Identifier: MIT
#include "unit_record.h"

#include <sys/mman.h>

#include <stdexcept>
#include <string>

#include "support/errors.h"

namespace ipcdev::stress {

namespace {

// More than a message has on average, by far; pages that aren't used cost nothing.
constexpr std::size_t units_per_operation = 512;
constexpr std::size_t head_bytes = 4096;

} // namespace

UnitRecord::UnitRecord(long operations)
    : capacity_(static_cast<std::size_t>(operations) * units_per_operation),
      bytes_(head_bytes + capacity_) {
    memory_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory_ == MAP_FAILED) {
        test::throw_errno("mmap");
    }
    auto* head = static_cast<char*>(memory_);
    left_ = new (head) std::atomic<long>(operations);
    next_ = new (head + 64) std::atomic<Unit>(0);
    counts_ = new (head + 128) std::array<std::atomic<std::uint64_t>, counters>{};
    states_ = reinterpret_cast<std::atomic<std::uint8_t>*>(head + head_bytes);
}

UnitRecord::~UnitRecord() {
    munmap(memory_, bytes_);
}

void UnitRecord::number(std::span<Unit> message) {
    const Unit first = next_->fetch_add(message.size());
    if (first + message.size() > capacity_) {
        throw std::runtime_error("more bytes than the record has room for");
    }
    states_[first] |= is_first;
    states_[first + message.size() - 1] |= is_last;
    for (std::size_t i = 0; i < message.size(); ++i) {
        message[i] = first + i;
    }
}

void UnitRecord::sent(std::span<const Unit> message) {
    for (const Unit unit : message) {
        states_[unit] |= is_sent;
    }
    count(written_messages);
    count(written_bytes, message.size_bytes());
}

void UnitRecord::received(std::span<const Unit> part) {
    for (std::size_t i = 0; i < part.size(); ++i) {
        const Unit unit = part[i];
        if (unit >= next_->load()) {
            throw std::runtime_error("read " + std::to_string(unit) + ", which nobody wrote");
        }
        if (unit != part[0] + i || (i > 0 && (states_[unit] & is_first) != 0)) {
            throw std::runtime_error("one read returned bytes of two messages");
        }
        if ((states_[unit].fetch_or(is_received) & is_received) != 0) {
            throw std::runtime_error("read " + std::to_string(unit) + " twice");
        }
    }
    count(read_calls);
    count(read_bytes, part.size_bytes());
}

std::size_t UnitRecord::count_of(std::uint8_t state) const {
    std::size_t found = 0;
    for (Unit unit = 0; unit < next_->load(); ++unit) {
        found += (states_[unit] & (is_sent | is_received)) == state ? 1 : 0;
    }
    return found;
}

std::size_t UnitRecord::lost() const {
    return count_of(is_sent);
}

std::size_t UnitRecord::unexpected() const {
    return count_of(is_received);
}

} // namespace ipcdev::stress
