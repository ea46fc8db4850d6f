// SPDX-License-Identifier: MIT
//
// What parks, what ends that, in which order; and that one who is parked stops
// nobody else. From the contract's chapters 'Write', 'Read' and 'Hand-off'.
#include "device_test.h"

namespace ipcdev::conformance {
namespace {

using Blocking = DeviceTest;

// More than the threads of any server's pool.
constexpr int many = 40;

// --- reading an empty device parks

TEST_F(Blocking, ReadOfAnEmptyFifoParks) {
    contract("R5");
    read_parks(a);
    expect_parked(1, 0);
}

TEST_F(Blocking, ReadReturnsOnceAWriterArrives) {
    contract("R5", "H1");
    read_parks(a);
    write_ok(b, "x");
    expect_read(a, "x");
}

TEST_F(Blocking, ReadOfAnEmptySlotParksUntilAWriterArrives) {
    contract("R5", "M3");
    become_slot();
    read_parks(a);
    write_ok(b, "x");
    expect_read(a, "x");
    expect_queued(0, 0);
}

TEST_F(Blocking, ReadReturnsAtOnceIfAMessageWaits) {
    contract("R3");
    write_ok(a, "x");
    const ipcdev_stats before = stats();
    expect_read(b, "x");
    EXPECT_EQ(stats().reader_parks, before.reader_parks);
}

TEST_F(Blocking, ParkedReadersAreServedInTheOrderInWhichTheyCame) {
    contract("R6");
    auto readers = crowd("reader", 5);
    for (auto& reader : readers) {
        read_parks(reader);
    }
    for (std::size_t i = 0; i < readers.size(); ++i) {
        write_ok(a, std::to_string(i));
    }
    for (std::size_t i = 0; i < readers.size(); ++i) {
        expect_read(readers[i], std::to_string(i));
    }
}

TEST_F(Blocking, EachMessageGoesToExactlyOneParkedReader) {
    contract("R6");
    read_parks(a);
    read_parks(b);
    write_ok(c, "x");
    expect_read(a, "x");
    still_parked(b);
    expect_parked(1, 0);
    expect_queued(0, 0);
}

TEST_F(Blocking, AReaderThatParksAgainGoesToTheEndOfTheLine) {
    contract("R6");
    read_parks(a);
    read_parks(b);
    write_ok(c, "1");
    expect_read(a, "1");
    read_parks(a);
    write_ok(c, "2");
    expect_read(b, "2");
    write_ok(c, "3");
    expect_read(a, "3");
}

// --- writing to a full fifo parks

TEST_F(Blocking, WriteToAFullFifoParks) {
    contract("W5", "M1");
    fill(a);
    expect_queued(IPCDEV_DEPTH_DEFAULT, info().queued_bytes);
    write_parks(b, "x");
    expect_parked(0, 1);
}

TEST_F(Blocking, WriteReturnsOnceAReaderMakesRoom) {
    contract("W5", "H1");
    become_fifo(2);
    fill(a);
    write_parks(b, "x");
    expect_read(a, "0");
    expect_written(b, 1);
    expect_read(a, "1");
    expect_read(a, "x");
}

TEST_F(Blocking, WriteReturnsAtOnceIfThereIsRoom) {
    contract("W2", "W5");
    become_fifo(2);
    const ipcdev_stats before = stats();
    write_ok(a, "1");
    write_ok(a, "2");
    EXPECT_EQ(stats().writer_parks, before.writer_parks);
}

TEST_F(Blocking, ParkedWritersAreAdmittedInTheOrderInWhichTheyCame) {
    contract("W6");
    become_fifo(1);
    fill(a);
    auto writers = crowd("writer", 5);
    for (auto& writer : writers) {
        write_parks(writer, writer.name());
    }
    expect_read(a, "0");
    for (auto& writer : writers) {
        expect_read(a, writer.name());
        expect_written(writer, writer.name().size());
    }
}

TEST_F(Blocking, AFifoOfDepth1IsTheBlockingSingleSlot) {
    contract("M1");
    become_fifo(1);
    write_ok(a, "1");
    write_parks(a, "2");
    expect_read(b, "1");
    expect_written(a, 1);
    expect_read(b, "2");
    read_parks(b);
    write_ok(a, "3");
    expect_read(b, "3");
}

TEST_F(Blocking, AFullFifoIsFullOfMessagesWhateverTheirSize) {
    contract("W5");
    become_fifo(2, IPCDEV_MESSAGE_MAX);
    write_ok(a, "1");
    write_ok(a, pattern(IPCDEV_MESSAGE_MAX));
    write_parks(b, "2");
    expect_queued(2, 1 + IPCDEV_MESSAGE_MAX);
}

TEST_F(Blocking, VectorParksAndIsAdmittedAsOneMessage) {
    contract("W3", "W5");
    become_fifo(1);
    fill(a);
    static_cast<void>(b.fd());
    parks(b, [&] { b.start_writev({"one ", "message"}); });
    expect_read(a, "0");
    expect_written(b, 11);
    expect_read(a, "one message");
}

TEST_F(Blocking, VectorParksAndIsServed) {
    contract("R5");
    static_cast<void>(a.fd());
    parks(a, [&] { a.start_readv({3, 100}); });
    write_ok(b, "one message");
    expect_read(a, "one message");
}

// --- one who is parked stops nobody else

TEST_F(Blocking, ManyParkedReadersStopNobody) {
    contract("R6", "H6");
    auto readers = crowd("reader", many);
    for (auto& reader : readers) {
        read_parks(reader);
    }
    expect_parked(many, 0);
    expect_events(a.poll(POLLIN | POLLOUT), POLLOUT);
    for (std::size_t i = 0; i < readers.size(); ++i) {
        write_ok(a, std::to_string(i));
        expect_read(readers[i], std::to_string(i));
    }
}

TEST_F(Blocking, ManyParkedWritersStopNobody) {
    contract("W6", "H6");
    become_fifo(1);
    fill(a);
    auto writers = crowd("writer", many);
    for (auto& writer : writers) {
        write_parks(writer, writer.name());
    }
    expect_parked(0, many);
    expect_events(a.poll(POLLIN | POLLOUT), POLLIN);
    expect_read(a, "0");
    for (auto& writer : writers) {
        expect_written(writer, writer.name().size());
        expect_read(a, writer.name());
    }
}

TEST_F(Blocking, ManyThreadsOfOneProcessMayBeParked) {
    contract("R6", "H6");
    std::vector<Client> threads;
    for (int i = 0; i < many; ++i) {
        threads.push_back(a.thread("thread" + std::to_string(i)));
        read_parks(threads.back());
    }
    for (std::size_t i = 0; i < threads.size(); ++i) {
        write_ok(b, std::to_string(i));
        expect_read(threads[i], std::to_string(i));
    }
}

TEST_F(Blocking, AParkedWriterStopsNoOtherWriter) {
    contract("H6");
    become_fifo(1);
    fill(a);
    write_parks(b, "b's");
    write_parks(c, "c's");
    expect_parked(0, 2);
}

TEST_F(Blocking, AParkedWriterStopsNoOtherWriterOfTheSameOpen) {
    contract("H6");
    become_fifo(1);
    fill(a);
    Client child = b.fork("b's child");
    write_parks(b, "b's");
    write_parks(child, "the child's");
    expect_parked(0, 2);
}

// The file position's lock must not be held while parked.
TEST_F(Blocking, AReadAndAWriteOnTheSameOpenDoNotDeadlock) {
    contract("H6");
    Client thread = a.thread("a's thread");
    read_parks(thread);
    write_ok(a, "to itself");
    expect_read(thread, "to itself");
}

TEST_F(Blocking, AWriteAndAReadOnTheSameOpenDoNotDeadlock) {
    contract("H6");
    become_fifo(1);
    fill(a);
    Client thread = a.thread("a's thread");
    write_parks(thread, "to itself");
    expect_read(a, "0");
    expect_written(thread, 9);
    expect_read(a, "to itself");
}

TEST_F(Blocking, AReadAndAWriteOnDupedDescriptorsDoNotDeadlock) {
    contract("H6");
    const auto copy = static_cast<int>(a.dup().result);
    Client thread = a.thread("a's thread");
    read_parks(thread);
    expect_result(a.write("to itself", copy), 9);
    expect_read(thread, "to itself");
}

TEST_F(Blocking, AReadAndAWriteOnAnInheritedDescriptorDoNotDeadlock) {
    contract("H6");
    Client child = a.fork("a's child");
    read_parks(child);
    write_ok(a, "to the child");
    expect_read(child, "to the child");
}

TEST_F(Blocking, TwoReadersOfTheSameOpenMayBothBeParked) {
    contract("H6", "R6");
    Client thread = a.thread("a's thread");
    read_parks(a);
    read_parks(thread);
    expect_parked(2, 0);
    write_ok(b, "1");
    write_ok(b, "2");
    expect_read(a, "1");
    expect_read(thread, "2");
}

} // namespace
} // namespace ipcdev::conformance
