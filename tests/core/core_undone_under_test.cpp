// SPDX-License-Identifier: MIT
//
// The core, killed at each of its changes. Each of its calls is cut short after no change,
// after the first, after the second, and so on, and rolled back each time; then done as a
// whole and rolled back; and then done for good. After each roll-back all memory that the
// core can reach is what it was, byte for byte.
//
// For that, everything this program allocates is in one range, which is copied and compared.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>

#include "core_machine.h"
#include "engine_under_test.h"
#include "kept.h"
#include "machine_engine.h"

namespace ipcdev::test {

namespace {

constexpr std::size_t range_bytes = UndoLog::watched_bytes;

std::byte* addresses(std::uintptr_t begin = 0) {
    void* wanted = reinterpret_cast<void*>(begin); // NOLINT(performance-no-int-to-ptr)
    void* place =
        mmap(wanted, range_bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (begin != 0 ? MAP_FIXED_NOREPLACE : 0),
             -1, 0);
    return place == MAP_FAILED ? nullptr : static_cast<std::byte*>(place);
}

// Blocks of 32, 64, 128 ... bytes; freed ones are used again. Each begins with the index of its
// size.
class Range {
  public:
    void* allocate(std::size_t bytes) {
        std::size_t size = 0;
        while (smallest << size < bytes + head) {
            ++size;
        }
        std::byte* block = freed_.at(size);
        if (block != nullptr) {
            std::memcpy(&freed_.at(size), block, sizeof(void*));
        } else {
            block = begin_ + used_;
            used_ += smallest << size;
            if (begin_ == nullptr || used_ > range_bytes) {
                std::abort();
            }
        }
        std::memcpy(block, &size, sizeof(size));
        return block + head;
    }
    [[gnu::noinline]] void release(void* allocated) { // gcc 12 thinks that it gets smaller blocks
        std::byte* block = static_cast<std::byte*>(allocated) - head;
        std::size_t size = 0;
        std::memcpy(&size, block, sizeof(size));
        std::memcpy(block, &freed_.at(size), sizeof(void*));
        freed_.at(size) = block;
    }
    [[nodiscard]] std::span<std::byte> used() const { return {begin_, used_}; }

  private:
    static constexpr std::size_t smallest = 32;
    static constexpr std::size_t head = 16;

    std::byte* const begin_ = addresses(UndoLog::watched_begin);
    std::size_t used_ = 0;
    std::array<std::byte*, 32> freed_{};
};

Range& range() {
    static Range all;
    return all;
}

UndoLog undo_log;
std::jmp_buf killed;

void kill() {
    std::longjmp(killed, 1); // NOLINT: as abruptly as a signal
}

// A copy of the range, to compare with.
class Before {
  public:
    void take() {
        const auto now = range().used();
        std::memcpy(place_, now.data(), now.size());
    }
    [[nodiscard]] bool is_restored() const {
        const auto now = range().used();
        return std::memcmp(place_, now.data(), now.size()) == 0;
    }
    void restore() const {
        const auto now = range().used();
        std::memcpy(now.data(), place_, now.size());
    }

  private:
    std::byte* const place_ = addresses();
};

Before before;

void expect_restored(const char* what) {
    if (!before.is_restored()) {
        before.restore(); // so that the test can go on
        ADD_FAILURE() << "something remains, though all " << what << " were undone";
        before.take();
    }
}

// Calls it until it would record more than `most` changes, and undoes them. How many they were.
template <typename Call> std::uint64_t undo(const Call& call, std::uint64_t most) {
    UndoLog::stop_after(most, kill);
    if (setjmp(killed) == 0) { // NOLINT: see kill()
        call();
    }
    const std::uint64_t changes = undo_log.changes();
    undo_log.roll_back();
    UndoLog::go_on();
    expect_restored("changes");
    return changes;
}

// The same as a whole, recorded as a daemon does: each line once.
template <typename Call> void undo_lines(const Call& call) {
    call();
    undo_log.roll_back();
    expect_restored("lines");
}

// Of memory compared for one call: kills are spread evenly if it makes more changes than that.
constexpr std::uint64_t compared_bytes = 32U << 20U;

template <typename Call> void kill_everywhere(const Call& call) {
    before.take();
    undo_log.watch();
    undo_lines(call);
    const std::uint64_t all = undo(call, UndoLog::capacity);
    const std::uint64_t kills = 1 + (compared_bytes / range().used().size());
    const std::uint64_t step = std::max<std::uint64_t>(1, all / kills);
    for (std::uint64_t most = 0; most < all; most += step) {
        undo(call, most);
    }
    UndoLog::watch_nothing();
}

class KilledDevice : public Device {
  public:
    using Device::Device;

    void open(Open& open) {
        everywhere([&] { Device::open(open); });
    }
    void release(Open& open, Effects& effects) {
        everywhere(effects, [&] { Device::release(open, effects); });
    }
    void submit_write(Request& request, Effects& effects) {
        everywhere(effects, [&] { Device::submit_write(request, effects); });
    }
    void submit_read(Request& request, Effects& effects) {
        everywhere(effects, [&] { Device::submit_read(request, effects); });
    }
    bool cancel(Request& request, int error, Effects& effects) {
        bool was_parked = false;
        everywhere(effects, [&] { was_parked = Device::cancel(request, error, effects); });
        return was_parked;
    }
    void copy_done(Request& request, Effects& effects) {
        everywhere(effects, [&] { Device::copy_done(request, effects); });
    }
    void put_back(Request& request, Piece& spare, Effects& effects) {
        everywhere(effects, [&] { Device::put_back(request, spare, effects); });
    }
    int configure(const SettingsChange& change) {
        int error = 0;
        everywhere([&] { error = Device::configure(change); });
        return error;
    }
    void clear(Effects& effects) {
        everywhere(effects, [&] { Device::clear(effects); });
    }
    void go_on(Effects& effects) {
        everywhere(effects, [&] { Device::go_on(effects); });
    }

  private:
    // The device and its effects change in nearly every call: their owner records them as a
    // whole, and only what else the core changes is Kept.
    template <typename Call> void everywhere(const Call& call) {
        kill_everywhere([&] {
            UndoLog::note(this, sizeof(*this));
            call();
        });
        call();
    }
    template <typename Call> void everywhere(Effects& effects, const Call& call) {
        everywhere([&] {
            UndoLog::note(&effects, sizeof(effects));
            call();
        });
    }
};

struct KilledCore : Core {
    using Device = KilledDevice;
};

constexpr std::uint32_t budget = 3; // calls that go on, and are killed there too

} // namespace

std::unique_ptr<Engine> make_engine_under_test(const Settings& settings, const Limits& limits) {
    return std::make_unique<MachineEngine<KilledCore>>(settings, limits, budget);
}

} // namespace ipcdev::test

void* operator new(std::size_t bytes) {
    return ipcdev::test::range().allocate(bytes);
}

void operator delete(void* allocated) noexcept {
    if (allocated != nullptr) {
        ipcdev::test::range().release(allocated);
    }
}

void operator delete(void* allocated, std::size_t /*bytes*/) noexcept {
    operator delete(allocated);
}
