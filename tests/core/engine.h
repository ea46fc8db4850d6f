// SPDX-License-Identifier: MIT
//
// The inputs and outputs of a device under test, however it is implemented: the
// core, the model, or the mirror of the core. Traces, walk, model test and fuzzer
// all use this vocabulary.
//
// A client is one thread of a program: it has at most one call under way. The
// copy of a read's bytes to the reader is a step of its own: after a completion
// with bytes the client must be told `copied` or `fault`.
//
// Each call uses an open, and any client may use any open, as threads and forks do. The test
// numbers the opens. Each is opened before its first use, and closed when none of its calls
// is parked or copying; then its number can be opened again.
//
// A call may be a batch: a write of several messages, a read of as many as fit. Its
// bytes are then those of frames: a head of 8 bytes, the message, padding.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "device.h"

namespace ipcdev::test {

enum class Verb : std::uint8_t {
    open,
    close,
    read,
    write,
    cancel,
    copied,
    fault,
    clear,
    configure
};

struct Input {
    Verb verb = Verb::open;
    std::size_t client = 0;            // read, write, cancel, copied, fault
    std::size_t open = 0;              // open, close, read, write
    std::uint64_t count = 0;           // read
    std::string payload{};             // write
    bool batch = false;                // read, write
    std::vector<std::string> frames{}; // write, batch: a payload each, none empty
    bool nonblocking = false;          // read, write
    std::size_t user = 0;              // read, write: whose call it is; 0 has privilege
    int error = EINTR;                 // cancel
    SettingsChange change{};           // configure
};

// The bytes of a frame with a message of `length` bytes.
[[nodiscard]] constexpr std::uint64_t framed(std::uint64_t length) {
    return 8 + (length + 7) / 8 * 8;
}

// The payloads of a write, a message each.
[[nodiscard]] inline std::span<const std::string> payloads_of(const Input& write) {
    return write.batch ? std::span(write.frames) : std::span(&write.payload, 1);
}

// What a call asks for.
[[nodiscard]] inline std::uint64_t bytes_of(const Input& call) {
    std::uint64_t bytes = call.count + call.payload.size();
    for (const std::string& payload : call.frames) {
        bytes += framed(payload.size());
    }
    return bytes;
}

// What a batch read got of one message.
struct Frame {
    std::uint32_t message = 0;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::string text{};
    bool remainder = false; // it is not the whole message
    bool spare = false;     // held by a spare piece of a put_back

    bool operator==(const Frame&) const = default;
};

// A call that ended. Messages are numbered from 1, in the order in which writes bring
// them, whether or not they are admitted.
struct Completion {
    std::size_t client = 0;
    Operation operation = Operation::read;
    int error = 0;
    std::uint32_t done = 0;
    std::string text{};        // read: the bytes
    std::uint32_t message = 0; // its number, or that of a batch's first; 0: none
    std::uint32_t begin = 0;   // read: what was taken of the message; end - begin == done
    std::uint32_t end = 0;
    std::vector<Frame> frames{}; // batch read, instead of these four
    std::uint32_t kept = 0;      // write: so many messages are still the writer's

    bool operator==(const Completion&) const = default;
};

// The outcome of one input.
struct Outcome {
    std::vector<Completion> completions; // in the order in which they came
    bool parked = false;                 // read, write: the call did not end
    bool cancelled = false;              // cancel: the call was parked, and ended
    int error = 0;                       // configure
    bool became_readable = false;
    bool became_writable = false;
    std::vector<std::uint32_t> retired; // messages given back by the device
    std::uint32_t spares_returned = 0;  // spare pieces given back by the device

    bool operator==(const Outcome&) const = default;
};

// A part of a message that waits in the queue.
struct Queued {
    std::uint32_t message = 0;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    bool spare = false; // held by a spare piece of a put_back

    bool operator==(const Queued&) const = default;
};

// One that waits for the open that has begun the message.
struct Begun {
    std::size_t open = 0;
    Queued what{};

    bool operator==(const Begun&) const = default;
};

// The poll mask of one open.
struct OpenMask {
    std::size_t open = 0;
    PollMask mask{};

    bool operator==(const OpenMask&) const = default;
};

// A read that is parked.
struct OpenReader {
    std::size_t open = 0;
    std::size_t client = 0;

    bool operator==(const OpenReader&) const = default;
};

// A user's share of the limits.
struct Share {
    std::size_t user = 0;
    std::uint32_t parked = 0;
    std::uint32_t copies = 0;

    bool operator==(const Share&) const = default;
};

// Everything that can be seen without changing anything.
struct Snapshot {
    Settings settings;
    Gauges gauges;
    Statistics statistics;
    PollMask mask;                        // of an open that has begun nothing
    std::vector<OpenMask> masks;          // of all opens, in their order
    std::vector<Queued> queue;            // next to be read first
    std::vector<Begun> begun;             // in the order of opens; of each, next to be read first
    std::vector<std::size_t> readers;     // parked, next to be served first
    std::vector<std::size_t> writers;     // likewise
    std::vector<OpenReader> open_readers; // the readers again, in the order of opens
    std::vector<Share> shares;            // of all who have any, in the order of users

    bool operator==(const Snapshot&) const = default;
};

// State of the device that is not visible from outside until later.
struct Inside {
    struct Kept {
        std::uint32_t message = 0;
        std::uint64_t sequence = 0;
        std::uint32_t queued = 0;
        std::uint32_t begun = 0;
        std::uint32_t copying = 0;

        bool operator==(const Kept&) const = default;
    };

    std::uint64_t cleared_through = 0;
    std::vector<Kept> messages; // all that are not freed, in the order of their numbers

    bool operator==(const Inside&) const = default;
};

class Engine {
  public:
    Engine() = default;
    Engine(const Engine&) = default;
    Engine& operator=(const Engine&) = default;
    virtual ~Engine() = default;

    // Applies one input and overwrites `outcome`. Throws std::logic_error if the input
    // makes no sense now: a call by a busy client or by an open that is not open, `copied`
    // without a copy, `open` of an open one, `close` of one that is not open or has a call
    // that is parked or copying.
    virtual void apply(const Input& input, Outcome& outcome) = 0;
    // Of that open; one that is not open has begun nothing.
    [[nodiscard]] virtual PollMask mask(std::size_t open) const = 0;
    // `snapshot` is overwritten.
    virtual void look(Snapshot& snapshot) const = 0;
    // `inside` is overwritten; an engine that keeps no such things leaves it empty.
    virtual void look_inside(Inside& inside) const { inside = {}; }
    // A sentence that says what is wrong with the engine itself; empty if nothing is.
    [[nodiscard]] virtual std::string complaint() const { return {}; }
};

// No test opens it: mask(no_open) is that of any open that has begun nothing.
constexpr std::size_t no_open = std::numeric_limits<std::size_t>::max();

// A step may move any number of messages.
constexpr std::uint32_t unlimited = std::numeric_limits<std::uint32_t>::max();

using EngineMaker = std::function<std::unique_ptr<Engine>(const Settings&, const Limits&)>;

} // namespace ipcdev::test
