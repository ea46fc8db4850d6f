// SPDX-License-Identifier: MIT
//
// The behaviour of /dev/ipcdev as a deterministic state machine: requests go
// in, completions come out. No I/O, threads, clock, logging or allocation, so
// the daemon runs it, the tests enumerate it, and kmod/device.c mirrors it,
// function by function, in this order.
//
// Not thread-safe: callers serialise.
//
// One step of a call moves no more messages than Effects::budget allows, so a lock around
// it is never held for long. While under_way() is true a call is unfinished, and go_on() is
// the only call allowed besides open(), whoever makes it; so nobody sees a call half done.
//
// A slot is a ring of depth 1; what is said of a ring holds for both.
//
// Invariants, true between any two calls while none is under way:
//   - a read is parked only while the queue is empty and its open has begun nothing;
//   - writers are parked only while a fifo is full: depth messages are queued or begun, or
//     more if copies were put back; never in a ring;
//   - all lists of parked requests are in order of arrival, and a parked read is on the
//     device's list and on its open's;
//   - the waiting bytes of a message are all in the queue, or one open has begun it
//     (message.h);
//   - a ring's queue holds at most depth messages, each whole and in one piece; among those
//     of a fifo may be remainders of messages that a released open had begun;
//   - messages_written = messages_read + queued + begun + overwritten + cleared, when
//     no copy is under way.
#pragma once

#include <cstdint>

#include "open.h"
#include "request.h"
#include "uapi/ipcdev.h"

namespace ipcdev {

enum class Mode : std::uint8_t {
    fifo = IPCDEV_MODE_FIFO,
    slot = IPCDEV_MODE_SLOT,
    ring = IPCDEV_MODE_RING
};

struct Settings {
    Mode mode = Mode::fifo;
    std::uint32_t depth = IPCDEV_DEPTH_DEFAULT;         // messages; 1 in slot mode
    std::uint32_t max_message = IPCDEV_MESSAGE_DEFAULT; // bytes

    bool operator==(const Settings&) const = default;
};

// Settings to change; 0 keeps. As struct ipcdev_configure has them.
struct SettingsChange {
    std::uint32_t mode = 0;
    std::uint32_t depth = 0;
    std::uint32_t max_message = 0;
};

// Those of uapi/ipcdev.h. Tests set lower ones, to reach every state at a limit.
struct Limits {
    std::uint32_t operations = IPCDEV_PARKED_MAX;        // parked, and copies under way
    std::uint32_t per_user = IPCDEV_PARKED_PER_USER_MAX; // those of one account without privilege
    std::uint32_t copies = IPCDEV_COPIES_RESERVED;       // let in beyond both of them

    bool operator==(const Limits&) const = default;
};

struct Gauges {
    std::uint32_t queued_messages = 0; // messages with a byte in the queue
    std::uint64_t queued_bytes = 0;
    std::uint32_t begun_messages = 0; // messages with a byte waiting for the open that began them
    std::uint32_t parked_readers = 0;
    std::uint32_t parked_writers = 0;
    std::uint32_t opens = 0;
    std::uint32_t copies = 0; // reads given bytes, neither done nor put back

    bool operator==(const Gauges&) const = default;
};

// As struct ipcdev_stats has them.
struct Statistics {
    std::uint64_t messages_written = 0;
    std::uint64_t bytes_written = 0;
    std::uint64_t messages_read = 0;
    std::uint64_t bytes_read = 0;
    std::uint64_t messages_overwritten = 0;
    std::uint64_t bytes_truncated = 0;
    std::uint64_t messages_cleared = 0;
    std::uint64_t reader_parks = 0;
    std::uint64_t writer_parks = 0;
    std::uint64_t interrupted = 0;

    bool operator==(const Statistics&) const = default;
};

struct PollMask {
    bool readable = false; // a message waits, in the queue or begun by this open
    bool writable = false; // a write of max_message would not park

    bool operator==(const PollMask&) const = default;
};

class Device {
  public:
    Device() = default;
    explicit Device(const Settings& settings, const Limits& limits = {})
        : settings_(settings), limits_(limits) {}
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    // Applies `change` to `now`. EINVAL, and `now` is unchanged, if the result is out of
    // range, contradicts itself, or leaves a fifo or a ring without a depth.
    [[nodiscard]] static int apply(const SettingsChange& change, Settings& now);

    // Requires: an Open that is new, or released.
    void open(Open& open);
    // Returns what the open has begun to the front of a fifo's queue, where parked readers
    // get it first. A ring drops it, and counts its bytes as truncated and the message as
    // read.
    // Requires: no call of this open is parked or being copied.
    void release(Open& open, Effects& effects);

    // Completes the request (0, EMSGSIZE, EAGAIN, ENOBUFS) or parks it. A batch of which
    // some messages were admitted completes with their bytes, not with an error.
    void submit_write(Request& request, Effects& effects);
    // Completes the request (0, EMSGSIZE, EAGAIN, ENOBUFS) or parks it. It gets bytes of
    // what its open has begun, or else of the message at the head of the queue. A read that
    // completes with bytes is a copy under way: copy_done or put_back must follow.
    void submit_read(Request& request, Effects& effects);

    // Ends a parked request with `error`, or with the bytes that it has already written.
    // EINTR counts as interrupted. False if the request is not parked, and then nothing
    // happens: completed beats cancelled.
    bool cancel(Request& request, int error, Effects& effects);

    // Cancels every parked request, in the order in which they would be served. The mirror
    // lacks it: the module can't be unloaded while a call is parked.
    void cancel_all(int error, Effects& effects);

    // The reader has its bytes. Call it until the request is no longer `copying`: a batch
    // may take several steps, which needn't follow each other at once.
    // Requires: the request is `copying`.
    void copy_done(Request& request, Effects& effects);
    // The copy to the reader failed. Its bytes return to the front of what its open has
    // begun; a message of which nothing was read returns whole to the front of the queue.
    // Parked readers get them first. A message that would return to the queue counts as
    // cleared if CLEAR came in the meantime; if it would be one too many in a ring, the
    // older of it and the head of the queue counts as overwritten.
    // The device may keep `spare` (never for a batch); it comes back in
    // Effects::retired_pieces of this call or a later one.
    // Requires: the request is `copying`.
    void put_back(Request& request, Piece& spare, Effects& effects);

    // EINVAL as from apply(); EBUSY unless idle. On error nothing changes.
    [[nodiscard]] int configure(const SettingsChange& change);
    // Drops what is queued and admits parked writers. Leaves alone what an open has begun.
    void clear(Effects& effects);

    // Does the next step of a call that moves more messages than one step may.
    // Requires: under_way().
    void go_on(Effects& effects);
    [[nodiscard]] bool under_way() const { return under_way_; }

    [[nodiscard]] PollMask poll_mask(const Open& open) const;
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] const Gauges& gauges() const { return gauges_; }
    [[nodiscard]] const Statistics& statistics() const { return statistics_; }

    // In the order in which they will be served.
    [[nodiscard]] const RequestList& readers() const { return readers_; }
    [[nodiscard]] const RequestList& writers() const { return writers_; }
    [[nodiscard]] const PieceList& queue() const { return queue_; }
    // The sequence of the last message admitted before the last clear().
    [[nodiscard]] std::uint64_t cleared_through() const { return cleared_through_; }

  private:
    friend class Validation; // of the daemon

    [[nodiscard]] bool has_room() const;
    [[nodiscard]] bool has_place() const;
    [[nodiscard]] bool may_park(const Account& user) const;
    [[nodiscard]] bool may_copy(const Account& user) const;
    void park(Request& request, Effects& effects);
    static void complete(Request& request, int error, Effects& effects);
    void admit(Request& request, Effects& effects);
    [[nodiscard]] bool take(Request& request, Effects& effects);
    void take_bytes(Request& request, Effects& effects);
    [[nodiscard]] bool take_frames(Request& request, Effects& effects);
    [[nodiscard]] PieceList& source(Open& open);
    void count_taken(Open& open, const PieceList& from, const Slice& slice, Effects& effects);
    void gather(Effects& effects);
    void leave(Request& request);
    void match(Effects& effects);
    [[nodiscard]] bool serve_parked(Effects& effects);
    [[nodiscard]] Request* next_to_serve();
    [[nodiscard]] bool serve(Request& request, Effects& effects);
    void finish_copy(const Slice& slice, Effects& effects);
    [[nodiscard]] bool finish_frames(Request& request, Effects& effects);
    void give_back(Open& open, Piece& piece, Effects& effects);
    void give_back_frames(Effects& effects);
    void requeue(Message& message, Effects& effects);
    void drop_queued(Effects& effects);
    void drop_first(Fate fate, Effects& effects);
    void release_begun(Effects& effects);
    static void discard(Piece& piece, Effects& effects);
    void count_queued(const Slice& slice);
    void count_unqueued(const Slice& slice);
    void count_begun(const Slice& slice);
    void count_unbegun(const Slice& slice);
    void settle(Message& message, Fate fate, Effects& effects);

    Settings settings_;
    Limits limits_;
    Gauges gauges_;
    Statistics statistics_;
    PieceList queue_;     // what is to be read, oldest first
    RequestList readers_; // parked
    RequestList writers_; // parked, each still holding its message
    std::uint64_t cleared_through_ = 0;

    // What is left of a call that is unfinished, in this order:
    Message* gathering_ = nullptr;   // move its waiting bytes between the queue and
    Open* gatherer_ = nullptr;       // what this open has begun (beginning_ says which way);
    PieceList aside_;                // pieces that preceded those, the last one first
    Open* releasing_ = nullptr;      // after clearing_: return what it has begun, or drop it
    Request* giving_back_ = nullptr; // return the frames of this batch read
    Request* serving_ = nullptr;     // move more of its messages
    Open* continuing_ = nullptr;     // has got bytes: serve its parked reads from them
    Request* arriving_ = nullptr;    // a batch write on no list yet; park it if it must wait
    bool under_way_ = false;         // a call is unfinished
    bool beginning_ = false;         // gather from the queue to the open; false: back
    bool clearing_ = false;          // drop what is queued
    bool out_of_turn_ = false;       // continuing_ gets nothing else: others came earlier
    bool left_begun_ = false;        // they left some, which is an edge
    bool held_readable_ = false;     // edges from earlier steps
    bool held_writable_ = false;
};

} // namespace ipcdev
