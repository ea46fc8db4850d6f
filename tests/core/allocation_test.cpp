// SPDX-License-Identifier: MIT
//
// The core allocates nothing: every way to the heap is counted while it works.
// The linker leads malloc, operator new and the rest of this program through
// here (--wrap in CMakeLists.txt), the core's object included.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "device.h"

namespace {

int heap_calls = 0;

template <typename Function, typename... Arguments>
decltype(auto) counted(Function function, Arguments... arguments) {
    ++heap_calls;
    return function(arguments...);
}

} // namespace

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the linker's names
extern "C" {
void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void* __real_realloc(void* old, std::size_t size);
void __real_free(void* old);
void* __real__Znwm(std::size_t size);
void* __real__Znam(std::size_t size);
void __real__ZdlPv(void* old);
void __real__ZdlPvm(void* old, std::size_t size);
void __real__ZdaPv(void* old);

void* __wrap_malloc(std::size_t size) {
    return counted(__real_malloc, size);
}
void* __wrap_calloc(std::size_t count, std::size_t size) {
    return counted(__real_calloc, count, size);
}
void* __wrap_realloc(void* old, std::size_t size) {
    return counted(__real_realloc, old, size);
}
void __wrap_free(void* old) {
    counted(__real_free, old);
}
void* __wrap__Znwm(std::size_t size) {
    return counted(__real__Znwm, size);
}
void* __wrap__Znam(std::size_t size) {
    return counted(__real__Znam, size);
}
void __wrap__ZdlPv(void* old) {
    counted(__real__ZdlPv, old);
}
void __wrap__ZdlPvm(void* old, std::size_t size) {
    counted(__real__ZdlPvm, old, size);
}
void __wrap__ZdaPv(void* old) {
    counted(__real__ZdaPv, old);
}
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

namespace ipcdev::test {

namespace {

void drain(Effects& effects) {
    while (effects.completed.pop_front() != nullptr ||
           effects.retired_messages.pop_front() != nullptr ||
           effects.retired_pieces.pop_front() != nullptr) {
    }
}

// Readers and writers with all they need, on the stack.
struct Life {
    static constexpr std::uint32_t size = 4;

    explicit Life(const Settings& settings) : device(settings) { device.open(open); }

    void write(std::size_t index) {
        writers[index].account = &account;
        writers[index].bytes = size;
        writers[index].message = &messages[index];
        device.submit_write(writers[index], effects);
        drain(effects);
    }
    // The messages from `first` to `last`, as a batch.
    void write_batch(std::size_t index, std::size_t first, std::size_t last) {
        for (std::size_t at = first; at < last; ++at) {
            messages[at].next = &messages[at + 1];
        }
        writers[index].account = &account;
        writers[index].batch = true;
        writers[index].bytes = (last - first + 1) * IPCDEV_FRAME_BYTES(size);
        writers[index].largest = size;
        writers[index].message = &messages[first];
        device.submit_write(writers[index], effects);
        drain(effects);
    }
    void read_batch(std::size_t index, std::uint64_t frames) {
        readers[index].batch = true;
        read(index, frames * IPCDEV_FRAME_BYTES(size));
    }
    void read(std::size_t index, std::uint64_t count) {
        readers[index].account = &account;
        readers[index].open = &open;
        readers[index].bytes = count;
        device.submit_read(readers[index], effects);
        drain(effects);
    }
    void copied(std::size_t index) {
        device.copy_done(readers[index], effects);
        drain(effects);
    }
    void fault(std::size_t index) {
        device.put_back(readers[index], spares[index], effects);
        drain(effects);
    }
    void release() {
        device.release(open, effects);
        drain(effects);
    }
    void clear() {
        device.clear(effects);
        drain(effects);
    }

    std::array<Message, 4> messages{Message(size), Message(size), Message(size), Message(size)};
    std::array<Piece, 4> spares;
    Account account;
    Open open;
    std::array<Request, 4> writers;
    std::array<Request, 4> readers;
    Effects effects;
    Device device;
};

} // namespace

TEST(Allocation, IsCountedByThisTest) {
    const int before = heap_calls;
    ::operator delete(::operator new(1)); // unlike `delete new`, never optimised away
    EXPECT_EQ(heap_calls, before + 2);
}

TEST(Allocation, ALifeOfAFifoNeedsNone) {
    const int before = heap_calls;
    {
        Life life({.mode = Mode::fifo, .depth = 2, .max_message = Life::size});
        life.write(0);
        life.write(1);
        life.write(2); // parks
        life.write(3); // parks
        life.read(0, 1);
        life.read(1, 1);
        life.fault(0); // the whole piece is begun: takes the spare one
        life.fault(1); // the message goes back to the queue
        life.read(0, 1);
        life.read(1, 1);
        life.fault(0);
        life.copied(1); // two pieces are begun
        life.release(); // and go back to the queue
        life.device.open(life.open);
        life.read(2, 1); // begun again, both
        life.copied(2);
        life.read(2, 100);
        life.copied(2);
        life.device.cancel(life.writers[3], EINTR, life.effects);
        drain(life.effects);
        life.clear();
        EXPECT_EQ(life.device.configure({.mode = IPCDEV_MODE_SLOT}), 0);
        static_cast<void>(life.device.poll_mask(life.open));
        EXPECT_EQ(life.device.statistics().messages_written, 3U);
        EXPECT_EQ(life.device.statistics().messages_read, 1U);
    }
    EXPECT_EQ(heap_calls, before);
}

TEST(Allocation, ALifeWithBatchesNeedsNone) {
    const int before = heap_calls;
    {
        Life life({.mode = Mode::fifo, .depth = 2, .max_message = Life::size});
        life.write_batch(0, 0, 2); // parks, with one message left
        life.read_batch(0, 2);
        life.fault(0); // one more than depth
        life.read(1, 1);
        life.read_batch(2, 2); // the rest of the first, and the second
        life.fault(1);         // the first's own piece is with reader 2: takes the spare one
        life.read_batch(3, 3);
        life.copied(3);
        life.copied(2);
        life.read_batch(1, 1); // parks
        life.write_batch(1, 3, 3);
        life.copied(1);
        EXPECT_EQ(life.device.statistics().messages_written, 4U);
        EXPECT_EQ(life.device.statistics().messages_read, 4U);
    }
    EXPECT_EQ(heap_calls, before);
}

TEST(Allocation, ALifeOfASlotNeedsNone) {
    const int before = heap_calls;
    {
        Life life({.mode = Mode::slot, .depth = 1, .max_message = Life::size});
        life.read(0, 1); // parks
        life.write(0);
        life.write(1);
        life.write(2);
        life.fault(0); // older than what is there
        life.read(1, 1);
        life.copied(1);
        life.release(); // drops the rest of it
        life.write(3);
        life.clear();
        EXPECT_EQ(life.device.statistics().messages_overwritten, 2U);
        EXPECT_EQ(life.device.statistics().bytes_truncated, 3U);
    }
    EXPECT_EQ(heap_calls, before);
}

} // namespace ipcdev::test
