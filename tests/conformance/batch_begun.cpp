// SPDX-License-Identifier: MIT
//
// From the contract's chapter 'Batches': a batch read of an open that has begun a message
// goes on with it, and says so in the frame.
#include "batch_test.h"

namespace ipcdev::conformance {
namespace {

class BatchBegun : public BatchTest {
  protected:
    // By an open that moves messages, which moves frames from then on.
    static void begins(Client& client, std::string_view bytes, Where where = Where::here()) {
        expect_read(client, bytes, bytes.size(), where);
        batches(client, where);
    }
};

TEST_F(BatchBegun, WhatIsBegunComesFirstThenTheQueue) {
    contract("B11", "B9", "R3");
    for (const char* message : {"abcdef", "second", "third"}) {
        write_ok(b, message);
    }
    begins(a, "abc");
    expect_begun(1);
    expect_frames(a, remainder("def") + frames({"second", "third"}));
    expect_begun(0);
    expect_queued(0, 0);
    expect_balance();
}

TEST_F(BatchBegun, WhatIsBegunIsGivenThoughNothingIsQueued) {
    contract("B11", "B9");
    write_ok(b, "abcdef");
    begins(a, "abc");
    expect_frames(a, remainder("def"));
    frames_park(a);
    write_ok(b, "whole");
    expect_frames(a, frame("whole"));
}

TEST_F(BatchBegun, WhatOthersHaveBegunIsNotInABatch) {
    contract("B11", "R4");
    write_ok(b, "abcdef");
    write_ok(b, "whole");
    expect_read(c, "abc", 3);
    batches_non_blocking(a);
    expect_frames(a, frame("whole"));
    expect_error(a.read(most), EAGAIN);
    expect_read(c, "def");
}

TEST_F(BatchBegun, WhatAnotherOpenLeftWhenItClosedIsARemainder) {
    contract("B11", "O3");
    write_ok(b, "abcdef");
    write_ok(b, "whole");
    expect_read(c, "abc", 3);
    expect_result(c.close(), 0);
    wait_opens(2);
    batches(a);
    expect_frames(a, remainder("def") + frame("whole"));
    expect_balance();
}

TEST_F(BatchBegun, AParkedBatchReadGetsWhatAnotherOpenLeft) {
    contract("B11", "O3", "H1");
    write_ok(b, "abcdef");
    expect_read(c, "abc", 3);
    batches(a);
    frames_park(a);
    expect_result(c.close(), 0);
    expect_frames(a, remainder("def"));
}

TEST_F(BatchBegun, AParkedBatchReadOfTheSameOpenGetsTheRest) {
    contract("B11", "R6");
    static_cast<void>(a.fd());
    Client plain = a.thread("a's plain reader");
    read_parks(plain, 2);
    expect_error(switch_batch(a, 1), EBUSY);
    write_ok(b, "abcdef");
    expect_read(plain, "ab");
    batches(a);
    expect_frames(a, remainder("cdef"));
}

TEST_F(BatchBegun, WithTheSwitchOffAgainBytesGoOn) {
    contract("B1", "R3");
    write_ok(b, "abcdef");
    write_ok(b, "whole");
    begins(a, "ab");
    expect_result(switch_batch(a, 0), 0);
    expect_read(a, "cd", 2);
    batches(a);
    expect_frames(a, remainder("ef") + frame("whole"));
}

TEST_F(BatchBegun, ABatchReadLeavesNothingBegun) {
    contract("B9", "R4");
    become_fifo(8, 16);
    batches(a);
    for (const char* message : {"12345678", "2", "3"}) {
        write_ok(b, message);
    }
    expect_read(a, frame("12345678"), 24);
    expect_begun(0);
    expect_queued(2, 2);
    expect_read(c, "2");
}

TEST_F(BatchBegun, ARemainderTakesTheRoomOfItsFrame) {
    contract("B9", "B11");
    become_fifo(8, 16);
    write_ok(b, "sixteen letters!");
    write_ok(b, "next");
    begins(a, "six");
    expect_read(a, remainder("teen letters!") + frame("next"), 24 + 16);
}

TEST_F(BatchBegun, TheRestMakesRoomWhenItIsTaken) {
    contract("B8", "B11", "W5");
    become_fifo(2);
    write_ok(b, "abc");
    write_ok(b, "second");
    begins(a, "a");
    write_parks(c, "third");
    expect_frames(a, remainder("bc") + frame("second"));
    expect_written(c, 5);
    expect_frames(a, frame("third"));
}

TEST_F(BatchBegun, InARingAndASlotToo) {
    contract("B11", "B7", "M2", "M3");
    for (const bool slot : {false, true}) {
        slot ? become_slot() : become_ring(2);
        open_ok(a);
        write_ok(b, "abc");
        begins(a, "a");
        batches(c);
        write_ok(c, frames({"1", "2", "3"}));
        expect_frames(a, remainder("bc") + (slot ? frame("3") : frames({"2", "3"})));
        expect_balance();
    }
}

TEST_F(BatchBegun, ABadBufferLeavesItBegun) {
    contract("B12", "R7", "R8", "B11");
    write_ok(b, "abcdef");
    write_ok(b, "whole");
    begins(a, "abc");
    expect_error(a.read_into_bad_buffer(most), EFAULT);
    expect_begun(1);
    expect_queued(1, 5);
    open_ok(c, O_RDWR | O_NONBLOCK);
    expect_read(c, "whole");
    expect_error(c.read(1), EAGAIN);
    expect_frames(a, remainder("def"));
    expect_balance();
}

TEST_F(BatchBegun, OfAKilledBatchReaderTheFramesAreWholeOrGone) {
    contract("B11", "O3", "H3");
    write_ok(b, "abcdef");
    begins(a, "abc");
    killed(a);
    wait_opens(2);
    batches(c);
    expect_frames(c, remainder("def"));
}

} // namespace
} // namespace ipcdev::conformance
