// SPDX-License-Identifier: MIT
//
// Calls that must not wait do not, whoever asks: submissions to io_uring, by the caller
// or by the kernel's thread (IORING_SETUP_SQPOLL). RWF_NOWAIT is in nowait.cpp.
//
// io_uring promises that a submission returns at once, and no order among operations
// that are not linked. How it waits is its affair and differs from kernel to kernel: by
// poll, or with a thread that parks on the device.
#include <cerrno>
#include <set>

#include <liburing.h>

#include "uring_test.h"

namespace ipcdev::conformance {
namespace {

class IoUring : public UringTest {};

TEST_F(IoUring, ASubmissionOfAReadReturnsAtOnce) {
    contract("P5");
    Uring ring(a);
    set_up(ring);
    if (is_a_file() && submissions_wait(Where::here())) {
        declared_difference("waits as a read, and can be killed, before Linux 6.5: "
                            "all others of this chapter are made with IOSQE_ASYNC");
    }
    ring.read(1, 5);
    submit(ring, 1);
}

// --- reads and writes

TEST_F(IoUring, ASubmittedReadCompletesWhenAMessageComes) {
    contract("P5");
    Uring ring(a);
    set_up(ring);
    for (const std::string message : {"first", "again"}) {
        ring.read(1, message.size());
        submit(ring, 1);
        write_ok(b, message);
        expect_completed(ring, 1, message);
        expect_queued(0, 0);
    }
}

TEST_F(IoUring, ASubmittedReadOfAMessageThatIsThereCompletes) {
    contract("P5");
    Uring ring(a);
    set_up(ring);
    const std::string message = pattern(IPCDEV_MESSAGE_DEFAULT);
    write_ok(b, message);
    ring.read(1, message.size());
    submit(ring, 1);
    expect_completed(ring, 1, message);
}

TEST_F(IoUring, ASubmittedWriteCompletesWhenThereIsRoom) {
    contract("P5");
    become_fifo(1);
    Uring ring(a);
    set_up(ring);
    fill(b);
    ring.write(1, "by the ring");
    submit(ring, 1);
    expect_read(b, "0");
    expect_completed(ring, 1, 11);
    expect_read(b, "by the ring");
}

TEST_F(IoUring, ASubmittedBatchThatFitsInPartIsQueuedInPart) {
    contract("P5", "B6");
    become_fifo(2);
    Uring ring(a);
    set_up(ring);
    batches(a);
    ring.write(1, frames({"1", "2", "3"}));
    if (is_module()) {
        submit(ring, 1);
        ring.start_completion();
        observer().wait_until(
            [&](const ipcdev_info& now) { return a.finished() || now.parked_writers > 0; },
            "the write is over, or parks");
        expect_parked(0, 0);
        expect_result(ring.completion().outcome, 32);
    } else {
        ring.start_submit();
        wait_parked_writers(1);
        declared_difference(submitter_is_parked(a)
                                ? "holds up the submission: the kernel saw that it is writable"
                                : "parks, and is queued whole");
        expect_read(b, "1");
        expect_result(a.result(), 1);
        expect_completed(ring, 1, 48);
        expect_read(b, "2");
    }
}

TEST_F(IoUring, ASubmittedReadTakesBytesOfOneMessage) {
    contract("R2");
    Uring ring(a);
    set_up(ring);
    write_ok(b, "one");
    write_ok(b, "two");
    ring.read(1, 6);
    submit(ring, 1);
    const UringCompletion done = completion(ring);
    if (is_a_file() && done.outcome.bytes == "onetwo") {
        declared_difference("io_uring reads a regular file on until the buffer is full");
        return;
    }
    EXPECT_EQ(done.outcome.bytes, "one");
    expect_read(c, "two");
}

TEST_F(IoUring, AMultishotReadCompletesWithEachMessage) {
    contract("P5", "R2");
    Uring ring(a);
    set_up(ring);
    ring.read_multishot(1);
    submit(ring, 1);
    write_ok(b, "first");
    const UringCompletion first = completion(ring);
    if (first.outcome.error == EINVAL) {
        skip("this kernel has no IORING_OP_READ_MULTISHOT: it came with Linux 6.7");
    }
    EXPECT_EQ(first.outcome.bytes, "first") << first.outcome.text();
    EXPECT_TRUE(first.more);
    write_ok(b, "second");
    write_ok(b, "third");
    expect_completed(ring, 1, "second");
    expect_completed(ring, 1, "third");
}

TEST_F(IoUring, AReadOfARegisteredFileIntoARegisteredBufferCompletesWhenAMessageComes) {
    contract("P5");
    Uring ring(a);
    set_up(ring);
    const std::string message = pattern(IPCDEV_MESSAGE_DEFAULT);
    ring.read_registered(1, message.size());
    submit(ring, 1);
    write_ok(b, message);
    expect_completed(ring, 1, message);
}

// --- several at once

TEST_F(IoUring, SeveralReadsInFlightGetOneMessageEach) {
    contract("P5", "R6");
    Uring ring(a);
    set_up(ring);
    constexpr unsigned count = 8;
    std::set<std::string> wanted;
    for (unsigned i = 0; i < count; ++i) {
        ring.read(i, 2);
        wanted.insert("m" + std::to_string(i));
    }
    submit(ring, count);
    for (const std::string& message : wanted) {
        write_ok(b, message);
    }
    std::set<std::uint32_t> names;
    std::set<std::string> got;
    for (unsigned i = 0; i < count; ++i) {
        const UringCompletion done = completion(ring);
        names.insert(done.name);
        got.insert(done.outcome.bytes);
    }
    EXPECT_EQ(names.size(), count);
    EXPECT_EQ(got, wanted);
}

TEST_F(IoUring, LinkedReadsGetMessagesInTheirOrder) {
    contract("P5");
    Uring ring(a);
    set_up(ring);
    ring.read(1, 2, IOSQE_IO_LINK);
    ring.read(2, 2, IOSQE_IO_LINK);
    ring.read(3, 2);
    submit(ring, 3);
    for (const std::string message : {"m1", "m2", "m3"}) {
        write_ok(b, message);
    }
    expect_completed(ring, 1, "m1");
    expect_completed(ring, 2, "m2");
    expect_completed(ring, 3, "m3");
}

TEST_F(IoUring, AWriteThatIsLinkedToAReadFollowsIt) {
    contract("P5");
    Uring ring(a);
    set_up(ring);
    ring.read(1, 8, IOSQE_IO_LINK);
    ring.write(2, "answer");
    submit(ring, 2);
    write_ok(b, "question");
    expect_completed(ring, 1, "question");
    expect_completed(ring, 2, 6);
    expect_read(b, "answer");
}

TEST_F(IoUring, AnOperationOnSomethingElseIsNotHeldUpByARead) {
    contract("P5");
    Uring ring(a);
    set_up(ring);
    ring.read(1, 5);
    ring.nothing(2);
    submit(ring, 2);
    expect_completed(ring, 2, 0);
    write_ok(b, "hello");
    expect_completed(ring, 1, "hello");
}

TEST_F(IoUring, TheKernelsThreadThatSubmitsIsNotHeldUpByARead) {
    contract("P5");
    Uring ring(a);
    set_up(ring, IORING_SETUP_SQPOLL);
    ring.read(1, 5);
    submit(ring, 1);
    ring.nothing(2);
    submit(ring, 1);
    expect_completed(ring, 2, 0);
    write_ok(b, "hello");
    expect_completed(ring, 1, "hello");
}

TEST_F(IoUring, TheKernelsThreadThatSubmitsIsNotHeldUpByAWrite) {
    contract("P5");
    become_fifo(1);
    Uring ring(a);
    set_up(ring, IORING_SETUP_SQPOLL);
    fill(b);
    ring.write(1, "hello");
    submit(ring, 1);
    ring.nothing(2);
    submit(ring, 1);
    expect_completed(ring, 2, 0);
    expect_read(b, "0");
    expect_completed(ring, 1, 5);
    expect_read(b, "hello");
}

TEST_F(IoUring, RingsThatShareTheDeviceGetEachMessageOnce) {
    contract("H5");
    constexpr unsigned messages = 60; // for each of two; the kernel polls for 128, then parks
    Uring one(a);
    Uring other(b);
    set_up(one);
    set_up(other);
    const ipcdev_stats before = stats();
    one.start_reading(messages, 4, 4);
    other.start_reading(messages, 4, 4);
    std::multiset<std::string> wanted;
    for (unsigned i = 0; i < 2 * messages; ++i) {
        wanted.insert(std::to_string(1000 + i));
        write_ok(c, std::to_string(1000 + i));
    }
    const Outcome of_one = a.result();
    const Outcome of_other = b.result();
    const std::string all = of_one.bytes + of_other.bytes;
    std::multiset<std::string> got;
    for (std::size_t at = 0; at < all.size(); at += 4) {
        got.insert(all.substr(at, 4));
    }
    EXPECT_EQ(got, wanted) << of_one.text() << of_other.text();
    if (is_module()) { // elsewhere another may take the message that the kernel saw
        EXPECT_EQ(stats().reader_parks, before.reader_parks) << "a submission waited";
        EXPECT_EQ(of_one.events + of_other.events, 0U) << "reads ended with EINTR";
    }
}

// --- cancelled, and forgotten

TEST_F(IoUring, ACancelledReadTakesNothing) {
    contract("P5", "H3");
    Uring ring(a);
    set_up(ring);
    ring.read(1, 5);
    submit(ring, 1);
    ring.cancel(2, 1);
    submit(ring, 1);
    std::set<std::uint32_t> names;
    for (int i = 0; i < 2; ++i) { // in either order
        const UringCompletion done = completion(ring);
        names.insert(done.name);
        if (done.name == 1) {
            EXPECT_TRUE(done.outcome.error == ECANCELED || done.outcome.error == EINTR)
                << done.outcome.text();
        } else {
            EXPECT_TRUE(done.outcome.result == 0 || done.outcome.error == EALREADY)
                << done.outcome.text();
        }
    }
    EXPECT_EQ(names, std::set<std::uint32_t>({1, 2}));
    expect_parked(0, 0);
    write_ok(b, "hello");
    expect_read(c, "hello");
}

TEST_F(IoUring, ACancelledReadReturnsWhatItHasTaken) {
    contract("H2");
    Uring ring(a);
    set_up(ring);
    ring.read(1, 100);
    submit(ring, 1);
    write_ok(b, "one");
    observer().wait_until([](const ipcdev_info& now) { return now.queued_messages == 0; },
                          "the read has taken the message");
    ring.cancel(2, 1);
    submit(ring, 1);
    for (int i = 0; i < 2; ++i) { // in either order
        if (const UringCompletion done = completion(ring); done.name == 1) {
            EXPECT_EQ(done.outcome.bytes, "one") << done.outcome.text();
        }
    }
}

TEST_F(IoUring, ACancelledWriteLeavesNothing) {
    contract("P5", "H3");
    become_fifo(1);
    Uring ring(a);
    set_up(ring);
    fill(b);
    ring.write(1, "never");
    submit(ring, 1);
    ring.cancel(2, 1);
    submit(ring, 1);
    static_cast<void>(completion(ring));
    static_cast<void>(completion(ring));
    expect_read(b, "0");
    expect_parked(0, 0);
    expect_queued(0, 0);
}

TEST_F(IoUring, ARingThatIsClosedTakesNothing) {
    contract("P5", "H3");
    Uring ring(a);
    set_up(ring);
    for (std::uint32_t name = 0; name < 4; ++name) {
        ring.read(name, 5);
    }
    submit(ring, 4);
    ring.close();
    expect_result(a.close(), 0);
    wait_until_only_these_are_open(0);
    write_ok(b, "hello");
    expect_read(c, "hello");
}

TEST_F(IoUring, AProcessThatIsKilledWithReadsInItsRingTakesNothing) {
    contract("P5", "H3");
    Uring ring(a);
    set_up(ring);
    for (std::uint32_t name = 0; name < 4; ++name) {
        ring.read(name, 5);
    }
    submit(ring, 4);
    killed(a);
    wait_until_only_these_are_open(0);
    write_ok(b, "hello");
    expect_read(c, "hello");
}

// --- a poll that goes on

TEST_F(IoUring, AMultishotPollTellsOfEveryMessageThatIsQueued) {
    contract("P4");
    Uring ring(a);
    set_up(ring);
    ring.poll_multishot(1, POLLIN);
    submit(ring, 1);
    for (int i = 0; i < 10; ++i) {
        write_ok(b, "message");
        expect_polled(ring, 1, POLLIN);
        if (i % 2 == 1) { // also of one behind others that nobody has read
            expect_read(c, "message");
        }
    }
}

TEST_F(IoUring, AMultishotPollTellsOfRoom) {
    contract("P4");
    become_fifo(1);
    Uring ring(a);
    set_up(ring);
    fill(b);
    ring.poll_multishot(1, POLLOUT);
    submit(ring, 1);
    for (int i = 0; i < 10; ++i) {
        expect_read(c, "0");
        expect_polled(ring, 1, POLLOUT);
        fill(b);
    }
}

// --- O_NONBLOCK

TEST_F(IoUring, AReadOfANONBLOCKOpenWaitsInTheRing) {
    contract("P5");
    Uring ring(a);
    open_ok(a, O_RDWR | O_NONBLOCK);
    set_up(ring);
    ring.read(1, 5);
    submit(ring, 1);
    write_ok(b, "hello");
    expect_completed(ring, 1, "hello");
}

} // namespace
} // namespace ipcdev::conformance
