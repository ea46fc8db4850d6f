// SPDX-License-Identifier: MIT
//
// What O_NONBLOCK makes of a call that would park: EAGAIN, at once, whoever is
// parked beside it. From the contract's chapters 'Write' and 'Read'.
#include "device_test.h"

namespace ipcdev::conformance {
namespace {

class NonBlocking : public DeviceTest {
  protected:
    static void open_nonblocking(Client& client) { open_ok(client, O_RDWR | O_NONBLOCK); }
};

// --- EAGAIN instead of parking

TEST_F(NonBlocking, ReadOfAnEmptyFifoGivesEAGAIN) {
    contract("R5");
    open_nonblocking(a);
    expect_error(a.read(1), EAGAIN);
}

TEST_F(NonBlocking, ReadOfAnEmptySlotGivesEAGAIN) {
    contract("R5");
    become_slot();
    open_nonblocking(a);
    expect_error(a.read(1), EAGAIN);
}

TEST_F(NonBlocking, ReadTakesAMessageThatWaits) {
    contract("R3");
    open_nonblocking(a);
    write_ok(b, "x");
    expect_read(a, "x");
    expect_error(a.read(1), EAGAIN);
}

TEST_F(NonBlocking, ReadTakesTheRestOfAMessage) {
    contract("R3");
    open_nonblocking(a);
    write_ok(b, "abc");
    expect_read(a, "ab", 2);
    expect_read(a, "c", 2);
    expect_error(a.read(2), EAGAIN);
}

TEST_F(NonBlocking, WriteToAFullFifoGivesEAGAIN) {
    contract("W5");
    open_nonblocking(a);
    fill(a);
    const ipcdev_info full = info();
    expect_error(a.write("x"), EAGAIN);
    expect_queued(full.queued_messages, full.queued_bytes);
}

TEST_F(NonBlocking, WriteTakesTheRoomThereIs) {
    contract("W5");
    become_fifo(1);
    open_nonblocking(a);
    write_ok(a, "1");
    expect_error(a.write("2"), EAGAIN);
    expect_read(a, "1");
    write_ok(a, "2");
    expect_read(a, "2");
}

TEST_F(NonBlocking, WriteToASlotNeverGivesEAGAIN) {
    contract("M3");
    become_slot();
    open_nonblocking(a);
    for (int i = 0; i < 10; ++i) {
        write_ok(a, std::to_string(i));
    }
    expect_read(a, "9");
}

TEST_F(NonBlocking, VectorsGiveEAGAINToo) {
    contract("W5", "R5");
    become_fifo(1);
    open_nonblocking(a);
    expect_error(a.readv({1, 1}), EAGAIN);
    fill(a);
    expect_error(a.writev({"1", "2"}), EAGAIN);
}

TEST_F(NonBlocking, CallsNeverPark) {
    contract("P5");
    become_fifo(1);
    open_nonblocking(a);
    const ipcdev_stats before = stats();
    expect_error(a.read(1), EAGAIN);
    fill(a);
    expect_error(a.write("x"), EAGAIN);
    const ipcdev_stats after = stats();
    EXPECT_EQ(after.reader_parks, before.reader_parks);
    EXPECT_EQ(after.writer_parks, before.writer_parks);
    EXPECT_EQ(after.interrupted, before.interrupted);
}

TEST_F(NonBlocking, ReadAndWriteOf0BytesReturn0) {
    contract("W1", "R1");
    become_fifo(1);
    open_nonblocking(a);
    expect_result(a.read(0), 0);
    fill(a);
    expect_result(a.write(""), 0);
}

// --- whoever is parked

TEST_F(NonBlocking, ReaderGetsEAGAINAtOnceBesideAParkedReader) {
    contract("R5", "H6");
    read_parks(a);
    open_nonblocking(b);
    expect_error(b.read(1), EAGAIN);
    still_parked(a);
}

TEST_F(NonBlocking, WriterGetsEAGAINAtOnceBesideAParkedWriter) {
    contract("W5", "H6");
    become_fifo(1);
    fill(a);
    write_parks(a, "parked");
    open_nonblocking(b);
    expect_error(b.write("x"), EAGAIN);
    still_parked(a);
    expect_parked(0, 1);
}

TEST_F(NonBlocking, WriterThatWasOpenBeforeGetsEAGAINAtOnceBesideAParkedWriter) {
    contract("W5", "H6");
    become_fifo(1);
    open_nonblocking(b);
    fill(a);
    write_parks(a, "parked");
    expect_error(b.write("x"), EAGAIN);
}

TEST_F(NonBlocking, WriterGetsEAGAINAtOnceBesideManyParkedWriters) {
    contract("W5", "H6");
    become_fifo(1);
    fill(a);
    auto writers = crowd("writer", 20);
    for (auto& writer : writers) {
        write_parks(writer, "parked");
    }
    open_nonblocking(b);
    expect_error(b.write("x"), EAGAIN);
    expect_error(b.write(pattern(IPCDEV_MESSAGE_DEFAULT)), EAGAIN);
}

// An O_TRUNC open must not change what the kernel does for the next writers.
TEST_F(NonBlocking, WriterGetsEAGAINAtOnceBesideAParkedWriterAfterAnOpenWithTRUNC) {
    contract("W5", "O4", "H6");
    become_fifo(1);
    fill(a);
    open_ok(c, O_WRONLY | O_TRUNC);
    write_parks(a, "parked");
    open_nonblocking(b);
    expect_error(b.write("x"), EAGAIN);
    expect_error(b.write("x"), EAGAIN);
}

TEST_F(NonBlocking, WriterGetsEAGAINAtOnceBesideAParkedWriterThatOpenedWithTRUNC) {
    contract("W5", "O4", "H6");
    become_fifo(1);
    open_ok(a, O_RDWR | O_TRUNC | O_CREAT, 0666);
    fill(a);
    write_parks(a, "parked");
    open_nonblocking(b);
    expect_error(b.write("x"), EAGAIN);
    still_parked(a);
}

// Nor must a writer with O_APPEND, once its write has returned.
TEST_F(NonBlocking, WriterGetsEAGAINAtOnceBesideAParkedWriterAfterAnAppendingWrite) {
    contract("W5", "O4", "H6");
    become_fifo(2);
    open_ok(c, O_WRONLY | O_APPEND);
    write_ok(c, "appended");
    fill(a);
    write_parks(a, "parked");
    open_nonblocking(b);
    expect_error(b.write("x"), EAGAIN);
}

TEST_F(NonBlocking, ReaderTakesAMessageBesideAParkedWriter) {
    contract("R3", "H6");
    become_fifo(1);
    fill(a);
    write_parks(a, "parked");
    open_nonblocking(b);
    expect_read(b, "0");
    expect_written(a, 6);
    expect_read(b, "parked");
}

TEST_F(NonBlocking, WriterServesAParkedReader) {
    contract("H1");
    read_parks(a);
    open_nonblocking(b);
    write_ok(b, "x");
    expect_read(a, "x");
}

// --- fcntl(F_SETFL)

TEST_F(NonBlocking, IsEffectiveAtTheNextCallAfterFcntl) {
    contract("P5");
    static_cast<void>(a.fd());
    expect_result(a.set_nonblocking(true), 0);
    expect_error(a.read(1), EAGAIN);
    expect_result(a.set_nonblocking(false), 0);
    read_parks(a);
    write_ok(b, "x");
    expect_read(a, "x");
    expect_result(a.set_nonblocking(true), 0);
    expect_error(a.read(1), EAGAIN);
}

TEST_F(NonBlocking, IsEffectiveForTheNextWriteAfterFcntl) {
    contract("P5");
    become_fifo(1);
    fill(a);
    expect_result(a.set_nonblocking(true), 0);
    expect_error(a.write("x"), EAGAIN);
    expect_result(a.set_nonblocking(false), 0);
    write_parks(a, "x");
    expect_read(b, "0");
    expect_written(a, 1);
}

TEST_F(NonBlocking, IsTakenOffAnOpenThatWasMadeWithIt) {
    contract("P5");
    open_nonblocking(a);
    expect_result(a.set_nonblocking(false), 0);
    read_parks(a);
}

TEST_F(NonBlocking, BelongsToTheOpenAndItsDups) {
    contract("P5");
    const auto copy = static_cast<int>(a.dup().result);
    expect_result(a.set_nonblocking(true, copy), 0);
    expect_error(a.read(1), EAGAIN);
    read_parks(b);
}

TEST_F(NonBlocking, SetByFcntlEndsNoCallThatIsParkedOnThatOpen) {
    contract("P5");
    Client thread = a.thread("a's thread");
    read_parks(thread);
    expect_result(a.set_nonblocking(true), 0);
    expect_error(a.read(1), EAGAIN);
    still_parked(thread);
    write_ok(b, "x");
    expect_read(thread, "x");
}

TEST_F(NonBlocking, SetByFcntlEndsNoWriteThatIsParkedOnThatOpen) {
    contract("P5");
    become_fifo(1);
    fill(a);
    Client thread = a.thread("a's thread");
    write_parks(thread, "x");
    expect_result(a.set_nonblocking(true), 0);
    expect_error(a.write("y"), EAGAIN);
    still_parked(thread);
    expect_read(b, "0");
    expect_written(thread, 1);
}

} // namespace
} // namespace ipcdev::conformance
