// SPDX-License-Identifier: MIT
//
// The behaviour of /dev/ipcdev as a deterministic state machine: requests go
// in, completions come out. No I/O, threads, clock, logging or allocation, so
// the daemon runs it, the tests enumerate it, and kmod/device.c mirrors it,
// function by function, in this order.
//
// Not thread-safe: callers serialise.
//
// A call moves no more messages than Effects::budget allows, so that who holds a lock
// for it can let go in between. While under_way() says that it isn't through, go_on() is
// the only call allowed but open(), by whoever comes next; so nobody sees it half done.
//
// A slot is a ring of depth 1; of both is said what is said of a ring.
//
// Invariants, true between any two calls while none is under way:
//   - a read is parked only while the queue is empty and its open has begun nothing;
//   - writers are parked only while a fifo is full: as many messages as depth are queued
//     or begun, or more, if copies were put back; never in a ring;
//   - all lists of parked requests are in order of arrival, and a parked read is on that
//     of the device and on that of its open;
//   - what waits of a message is in the queue, or one open has begun it (message.h);
//   - a ring's queue holds at most depth messages, each whole and in one piece; a fifo's
//     may have at its head what was left of messages when the open that had begun them
//     was released;
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

// As uapi/ipcdev.h has them. Tests take less, to see every state at a limit.
struct Limits {
    std::uint32_t operations = IPCDEV_PARKED_MAX;        // parked, and copies under way
    std::uint32_t per_user = IPCDEV_PARKED_PER_USER_MAX; // those of one account without privilege
    std::uint32_t copies = IPCDEV_COPIES_RESERVED;       // so many are let in beyond both

    bool operator==(const Limits&) const = default;
};

struct Gauges {
    std::uint32_t queued_messages = 0; // messages with a byte in the queue
    std::uint64_t queued_bytes = 0;
    std::uint32_t begun_messages = 0; // messages with a byte that waits for the open that began it
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

    // The settings that `change` makes of `now`. EINVAL if they are out of
    // range, contradict each other, or leave a fifo or a ring without a depth.
    [[nodiscard]] static int apply(const SettingsChange& change, Settings& now);

    // Requires: an Open that is new, or released.
    void open(Open& open);
    // What it has begun goes back to the front of a fifo's queue, to a parked reader
    // first; a ring drops it, counts its bytes as truncated, and the message as read.
    // Requires: no call of this open is parked or being copied.
    void release(Open& open, Effects& effects);

    // Completes the request (0, EMSGSIZE, EAGAIN, ENOBUFS), or parks it. A batch of
    // which some messages were admitted ends with their bytes, not with an error.
    void submit_write(Request& request, Effects& effects);
    // Completes the request (0, EMSGSIZE, EAGAIN, ENOBUFS), or parks it. It is given what
    // its open has begun, else it begins the message at the head of the queue. One that is
    // completed with bytes is a copy under way: copy_done or put_back must follow.
    void submit_read(Request& request, Effects& effects);

    // Ends a parked request with `error` (EINTR counts as interrupted), or with the
    // bytes of what it wrote before. False, and nothing happens, if it is not parked:
    // completed beats cancelled.
    bool cancel(Request& request, int error, Effects& effects);

    // Ends every parked request as cancel does each, in the order in which they would be
    // served. The mirror has none: a module can't go while one is parked.
    void cancel_all(int error, Effects& effects);

    // The reader has its bytes. To be called again while the request is `copying`: if
    // frames are left for the next step, which needn't follow at once.
    // Requires: the request is `copying`.
    void copy_done(Request& request, Effects& effects);
    // The copy to the reader failed: its bytes go back in front of what its open has begun;
    // but a message of which nothing is read, in front of the queue, as it was. Parked
    // readers get them first. A message that CLEAR has reached meanwhile, and would go
    // back to the queue, counts as cleared; and if it would be one too many in a ring, the
    // older one of it and the head of the queue counts as overwritten.
    // `spare` is linked if it is needed (never for a batch) and comes out of some
    // Effects::retired_pieces, this call's or a later one's.
    // Requires: the request is `copying`.
    void put_back(Request& request, Piece& spare, Effects& effects);

    // EINVAL as apply(); EBUSY unless idle. On error nothing changes.
    [[nodiscard]] int configure(const SettingsChange& change);
    // Drops what is queued and admits parked writers. What is begun stays its open's.
    void clear(Effects& effects);

    // The next step of a call that moves more messages than its step could.
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
    // Sequence of the last message that clear() reached.
    [[nodiscard]] std::uint64_t cleared_through() const { return cleared_through_; }

  private:
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
    void serve_parked(Effects& effects);
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

    bool under_way_ = false; // a call is; what is left of it, in the order in which it is done:
    Message* gathering_ = nullptr;   // all that waits of it changes its place,
    Open* gatherer_ = nullptr;       // which is the queue or what this open has begun
    bool beginning_ = false;         // from the queue, to what is begun; else the other way
    PieceList aside_;                // pieces that lay before those, the last one first
    bool clearing_ = false;          // drop what is queued
    Open* releasing_ = nullptr;      // what it has begun goes back, or is dropped
    Request* giving_back_ = nullptr; // a batch read, whose frames go back
    Request* serving_ = nullptr;     // more of its messages can be moved now
    Open* continuing_ = nullptr;     // its parked reads go on with what it has begun
    bool out_of_turn_ = false;       // that one is for what is begun alone: others came before it
    Request* arriving_ = nullptr;    // a batch write that is on no list; parks if it must
    Open* regained_ = nullptr;       // a put_back left it something: an edge, if that stays
    bool held_readable_ = false;     // edges of the steps before
    bool held_writable_ = false;
};

} // namespace ipcdev
