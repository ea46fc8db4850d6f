// SPDX-License-Identifier: MIT
//
// Chapter 'Open and close' of the contract: opens and closes change nothing.
#include "device_test.h"

namespace ipcdev::conformance {
namespace {

using OpenClose = DeviceTest;

// --- any number of opens share the one queue

TEST_F(OpenClose, AnyNumberOfOpensShareTheOneQueue) {
    contract("O1");
    const int first = a.fd();
    expect_result(a.open(), first + 1);
    expect_result(a.write("from the first", first), 14);
    expect_result(a.write("from the second", first + 1), 15);
    expect_read(b, "from the first");
    expect_read(c, "from the second");
}

TEST_F(OpenClose, EveryOpenIsCountedUntilItsClose) {
    contract("I1", "O1");
    constexpr unsigned opens = 50;
    for (unsigned i = 0; i < opens; ++i) {
        open_ok(a);
    }
    open_ok(b);
    EXPECT_EQ(info().opens, opens + 2);
    a.close();
    wait_opens(opens + 1);
    a.end();
    wait_opens(2);
}

TEST_F(OpenClose, ADupIsTheSameOpen) {
    contract("I1");
    const auto copy = static_cast<int>(a.dup().result);
    EXPECT_EQ(info().opens, 2U);
    a.close();
    expect_result(a.write("by the dup", copy), 10);
    EXPECT_EQ(info().opens, 2U);
}

TEST_F(OpenClose, AChildSharesItsParentsOpen) {
    contract("I1");
    Client child = a.fork("a's child");
    EXPECT_EQ(info().opens, 2U);
    write_ok(child, "from the child");
    a.kill();
    EXPECT_EQ(info().opens, 2U);
    expect_read(child, "from the child");
}

// --- opening and closing neither add, drop nor reorder anything

TEST_F(OpenClose, OpeningNeitherAddsDropsNorReordersAnything) {
    contract("O1");
    write_ok(a, "1");
    write_ok(a, "2");
    for (const int mode : {O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_NONBLOCK}) {
        open_ok(b, mode);
    }
    expect_queued(2, 2);
    expect_read(c, "1");
    expect_read(c, "2");
}

TEST_F(OpenClose, ClosingNeitherAddsDropsNorReordersAnything) {
    contract("O2");
    write_ok(a, "1");
    write_ok(b, "2");
    expect_result(a.close(), 0);
    expect_result(b.close(), 0);
    wait_opens(1);
    expect_queued(2, 2);
    expect_read(c, "1");
    expect_read(c, "2");
}

TEST_F(OpenClose, TheLastCloseDropsNothingEither) {
    contract("O2");
    write_ok(a, "1");
    write_ok(a, "2");
    observer().disconnect();
    a.end();
    server().ensure();
    wait_opens(1);
    expect_queued(2, 2);
    expect_read(b, "1");
    expect_read(b, "2");
}

TEST_F(OpenClose, TheLastCloseLeavesTheRestOfAMessageToo) {
    contract("O2", "O3");
    write_ok(a, "rest");
    expect_read(a, "r", 1);
    observer().disconnect();
    a.end();
    server().ensure();
    wait_opens(1);
    expect_queued(1, 3);
    expect_read(b, "est");
}

TEST_F(OpenClose, TheLastCloseKeepsCountersAndSettings) {
    contract("O2");
    become_fifo(3, 100);
    write_ok(a, "1");
    const ipcdev_stats before = stats();
    observer().disconnect();
    a.end();
    server().ensure();
    EXPECT_EQ(stats().messages_written, before.messages_written);
    EXPECT_EQ(info().depth, 3U);
    EXPECT_EQ(info().max_message, 100U);
}

// --- closing a descriptor elsewhere ends no parked operation

TEST_F(OpenClose, ClosingElsewhereEndsNoParkedRead) {
    contract("O2");
    read_parks(a);
    open_ok(b);
    expect_result(b.close(), 0);
    static_cast<void>(c.fd());
    killed(c);
    wait_opens(2);
    still_parked(a);
    write_ok(d, "x");
    expect_read(a, "x");
}

TEST_F(OpenClose, ClosingElsewhereEndsNoParkedWrite) {
    contract("O2");
    become_fifo(1);
    fill(b);
    write_parks(a, "parked");
    expect_result(b.close(), 0);
    wait_opens(2);
    still_parked(a);
    expect_read(c, "0");
    expect_written(a, 6);
}

TEST_F(OpenClose, ClosingTheDescriptorItselfInAnotherThreadEndsNoParkedRead) {
    contract("O2");
    const int descriptor = a.fd();
    Client thread = a.thread("a's thread");
    read_parks(thread);
    expect_result(a.close(descriptor), 0);
    still_parked(thread);
    write_ok(b, "x");
    expect_read(thread, "x");
    wait_opens(2);
}

TEST_F(OpenClose, ClosingADupEndsNoParkedWrite) {
    contract("O2");
    become_fifo(1);
    fill(b);
    const auto copy = static_cast<int>(a.dup().result);
    Client thread = a.thread("a's thread");
    write_parks(thread, "parked");
    expect_result(a.close(copy), 0);
    still_parked(thread);
    expect_read(b, "0");
    expect_written(thread, 6);
}

TEST_F(OpenClose, CloseReturnsAtOnceBesideAParkedWriter) {
    contract("O2", "H6");
    become_fifo(1);
    fill(b);
    write_parks(a, "parked");
    expect_result(b.close(), 0);
    open_ok(c);
    expect_result(c.close(), 0);
    still_parked(a);
}

TEST_F(OpenClose, OpenReturnsAtOnceBesideParkedOnes) {
    contract("O1", "H6");
    read_parks(a);
    for (const int mode : {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_NONBLOCK}) {
        open_ok(b, mode);
    }
    still_parked(a);
}

// --- O_TRUNC, O_APPEND and O_CREAT are ignored

TEST_F(OpenClose, TruncIsIgnored) {
    contract("O4");
    write_ok(a, "stays");
    open_ok(b, O_WRONLY | O_TRUNC);
    expect_queued(1, 5);
    write_ok(b, "behind it");
    expect_read(a, "stays");
    expect_read(a, "behind it");
}

TEST_F(OpenClose, AppendIsIgnored) {
    contract("O4");
    open_ok(a, O_RDWR | O_APPEND);
    write_ok(a, "1");
    write_ok(b, "2");
    write_ok(a, "3");
    expect_read(a, "1");
    expect_read(b, "2");
    expect_read(a, "3");
}

TEST_F(OpenClose, CreatIsIgnored) {
    contract("O4");
    open_ok(a, O_WRONLY | O_CREAT, 0644);
    write_ok(a, "x");
    expect_read(b, "x");
}

TEST_F(OpenClose, OpensAsAShellMakesThemWork) {
    contract("O4");
    write_ok(a, "first");
    open_ok(b, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    write_ok(b, "by >");
    open_ok(c, O_WRONLY | O_CREAT | O_APPEND, 0666);
    write_ok(c, "by >>");
    open_ok(d, O_RDWR | O_CREAT, 0666);
    expect_read(d, "first");
    expect_read(d, "by >");
    expect_read(d, "by >>");
}

TEST_F(OpenClose, AnAppendingWriterMayFillTheFifoAndMore) {
    contract("O4");
    become_fifo(2, IPCDEV_MESSAGE_MAX);
    open_ok(a, O_RDWR | O_APPEND);
    for (unsigned round = 0; round < 20; ++round) {
        const std::string message = pattern(IPCDEV_MESSAGE_MAX, round);
        write_ok(a, message);
        expect_read(a, message);
    }
}

// --- access modes are the VFS's

TEST_F(OpenClose, ReadingAWriteOnlyOpenGivesEBADF) {
    contract("O5");
    open_ok(a, O_WRONLY);
    expect_error(a.read(1), EBADF);
    write_ok(b, "stays");
    expect_error(a.read(1), EBADF);
    expect_queued(1, 5);
}

TEST_F(OpenClose, WritingAReadOnlyOpenGivesEBADF) {
    contract("O5");
    open_ok(a, O_RDONLY);
    expect_error(a.write("x"), EBADF);
    expect_queued(0, 0);
}

TEST_F(OpenClose, AReadOnlyOpenReadsAndAWriteOnlyOneWrites) {
    contract("O5");
    open_ok(a, O_RDONLY);
    open_ok(b, O_WRONLY);
    write_ok(b, "x");
    expect_read(a, "x");
}

} // namespace
} // namespace ipcdev::conformance
