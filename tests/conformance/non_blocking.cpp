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
    contract("read, empty: with O_NONBLOCK EAGAIN at once");
    open_nonblocking(a);
    expect_error(a.read(1), EAGAIN);
}

TEST_F(NonBlocking, ReadOfAnEmptySlotGivesEAGAIN) {
    contract("read, empty: with O_NONBLOCK EAGAIN at once");
    become_slot();
    open_nonblocking(a);
    expect_error(a.read(1), EAGAIN);
}

TEST_F(NonBlocking, ReadTakesAMessageThatWaits) {
    open_nonblocking(a);
    write_ok(b, "x");
    expect_read(a, "x");
    expect_error(a.read(1), EAGAIN);
}

TEST_F(NonBlocking, ReadTakesTheRestOfAMessage) {
    open_nonblocking(a);
    write_ok(b, "abc");
    expect_read(a, "ab", 2);
    expect_read(a, "c", 2);
    expect_error(a.read(2), EAGAIN);
}

TEST_F(NonBlocking, WriteToAFullFifoGivesEAGAIN) {
    contract("write, fifo, full: with O_NONBLOCK EAGAIN at once");
    open_nonblocking(a);
    fill(a);
    const ipcdev_info full = info();
    expect_error(a.write("x"), EAGAIN);
    expect_queued(full.queued_messages, full.queued_bytes);
}

TEST_F(NonBlocking, WriteTakesTheRoomThereIs) {
    become_fifo(1);
    open_nonblocking(a);
    write_ok(a, "1");
    expect_error(a.write("2"), EAGAIN);
    expect_read(a, "1");
    write_ok(a, "2");
    expect_read(a, "2");
}

TEST_F(NonBlocking, WriteToASlotNeverGivesEAGAIN) {
    contract("slot: never parks");
    become_slot();
    open_nonblocking(a);
    for (int i = 0; i < 10; ++i) {
        write_ok(a, std::to_string(i));
    }
    expect_read(a, "9");
}

TEST_F(NonBlocking, VectorsGiveEAGAINToo) {
    contract("with O_NONBLOCK EAGAIN at once");
    become_fifo(1);
    open_nonblocking(a);
    expect_error(a.readv({1, 1}), EAGAIN);
    fill(a);
    expect_error(a.writev({"1", "2"}), EAGAIN);
}

TEST_F(NonBlocking, CallsNeverPark) {
    contract("with O_NONBLOCK EAGAIN at once: no park is counted");
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
    contract("0 bytes: returns 0");
    become_fifo(1);
    open_nonblocking(a);
    expect_result(a.read(0), 0);
    fill(a);
    expect_result(a.write(""), 0);
}

// --- whoever is parked

TEST_F(NonBlocking, ReaderGetsEAGAINAtOnceBesideAParkedReader) {
    read_parks(a);
    open_nonblocking(b);
    expect_error(b.read(1), EAGAIN);
    still_parked(a);
}

TEST_F(NonBlocking, WriterGetsEAGAINAtOnceBesideAParkedWriter) {
    become_fifo(1);
    fill(a);
    write_parks(a, "parked");
    open_nonblocking(b);
    expect_error(b.write("x"), EAGAIN);
    still_parked(a);
    expect_parked(0, 1);
}

TEST_F(NonBlocking, WriterThatWasOpenBeforeGetsEAGAINAtOnceBesideAParkedWriter) {
    contract("fifo, full: with O_NONBLOCK EAGAIN at once");
    become_fifo(1);
    open_nonblocking(b);
    fill(a);
    write_parks(a, "parked");
    expect_error(b.write("x"), EAGAIN);
}

TEST_F(NonBlocking, WriterGetsEAGAINAtOnceBesideManyParkedWriters) {
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
    contract("O_TRUNC is ignored; fifo, full: with O_NONBLOCK EAGAIN at once");
    become_fifo(1);
    fill(a);
    open_ok(c, O_WRONLY | O_TRUNC);
    write_parks(a, "parked");
    open_nonblocking(b);
    expect_error(b.write("x"), EAGAIN);
    expect_error(b.write("x"), EAGAIN);
}

TEST_F(NonBlocking, WriterGetsEAGAINAtOnceBesideAParkedWriterThatOpenedWithTRUNC) {
    contract("O_TRUNC is ignored; fifo, full: with O_NONBLOCK EAGAIN at once");
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
    contract("O_APPEND is ignored; fifo, full: with O_NONBLOCK EAGAIN at once");
    become_fifo(2);
    open_ok(c, O_WRONLY | O_APPEND);
    write_ok(c, "appended");
    fill(a);
    write_parks(a, "parked");
    open_nonblocking(b);
    expect_error(b.write("x"), EAGAIN);
}

TEST_F(NonBlocking, ReaderTakesAMessageBesideAParkedWriter) {
    become_fifo(1);
    fill(a);
    write_parks(a, "parked");
    open_nonblocking(b);
    expect_read(b, "0");
    expect_written(a, 6);
    expect_read(b, "parked");
}

TEST_F(NonBlocking, WriterServesAParkedReader) {
    read_parks(a);
    open_nonblocking(b);
    write_ok(b, "x");
    expect_read(a, "x");
}

// --- fcntl(F_SETFL)

TEST_F(NonBlocking, IsEffectiveAtTheNextCallAfterFcntl) {
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
    contract("O_NONBLOCK is as fcntl left it, whatever the open said");
    open_nonblocking(a);
    expect_result(a.set_nonblocking(false), 0);
    read_parks(a);
}

TEST_F(NonBlocking, BelongsToTheOpenAndItsDups) {
    contract("O_NONBLOCK belongs to the open file description");
    const auto copy = static_cast<int>(a.dup().result);
    expect_result(a.set_nonblocking(true, copy), 0);
    expect_error(a.read(1), EAGAIN);
    read_parks(b);
}

TEST_F(NonBlocking, SetByFcntlEndsNoCallThatIsParkedOnThatOpen) {
    contract("O_NONBLOCK is effective at the next call");
    Client thread = a.thread("a's thread");
    read_parks(thread);
    expect_result(a.set_nonblocking(true), 0);
    expect_error(a.read(1), EAGAIN);
    still_parked(thread);
    write_ok(b, "x");
    expect_read(thread, "x");
}

TEST_F(NonBlocking, SetByFcntlEndsNoWriteThatIsParkedOnThatOpen) {
    contract("O_NONBLOCK is effective at the next call");
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
