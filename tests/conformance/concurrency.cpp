// SPDX-License-Identifier: MIT
//
// The promise of the contract's chapter 'Hand-off', with many processes at once:
// no byte is lost, doubled or reordered by any mix of operations.
#include "concurrency_test.h"

namespace ipcdev::conformance {
namespace {

TEST_F(Concurrency, ManyWritersAndReadersEachMessageArrivesExactlyOnce) {
    contract("H5");
    become_fifo(4);
    writers(6);
    readers(6);
    go();
    all_arrive();
    expect_each_message_once();
    expect_whole_messages_in_order();
}

TEST_F(Concurrency, ThroughAFifoOfDepth1EachMessageArrivesExactlyOnce) {
    contract("H5", "M1");
    become_fifo(1);
    writers(4);
    readers(4);
    go();
    all_arrive();
    expect_each_message_once();
    expect_whole_messages_in_order();
}

TEST_F(Concurrency, OneReaderGetsTheMessagesOfEachWriterInOrder) {
    contract("H5");
    writers(8);
    readers(1);
    go();
    all_arrive();
    expect_each_message_once();
    expect_whole_messages_in_order();
}

TEST_F(Concurrency, WithShortReadsEachByteArrivesExactlyOnce) {
    contract("H5", "R6");
    become_fifo(2);
    writers(4);
    readers(2, 8);
    readers(2, 24);
    readers(1, whole);
    go();
    all_arrive();
    expect_each_message_once();
    expect_whole_messages_in_order();
}

TEST_F(Concurrency, ReadersWhoseReadsAreShortAtRandomEachGetWholeMessages) {
    contract("R3", "R4", "H5");
    become_fifo(5);
    writers(4);
    readers_at_random(3);
    readers_at_random(2, O_RDONLY | O_NONBLOCK);
    readers(1, 8);
    go();
    all_arrive();
    expect_each_message_once();
    expect_whole_messages_in_order();
}

TEST_F(Concurrency, ReadersWithShortReadsOfAFifoOfDepth1EachGetWholeMessages) {
    contract("R4", "W5", "M1", "H5");
    become_fifo(1);
    writers(3);
    readers_at_random(2);
    readers_at_random(1, O_RDONLY | O_NONBLOCK);
    go();
    all_arrive();
    expect_each_message_once();
    expect_whole_messages_in_order();
}

TEST_F(Concurrency, InARingEachReaderGetsWholeMessagesTheNewestOnes) {
    contract("M2", "R4", "H5", "I2");
    become_ring(3);
    writers(3);
    writers(1, O_WRONLY | O_NONBLOCK);
    readers_at_random(3);
    readers_at_random(2, O_RDONLY | O_NONBLOCK);
    go();
    all_arrive();
    expect_whole_messages_in_order();
    expect_each_message_once_or_overwritten();
    expect_begun(0);
    expect_balance();
}

TEST_F(Concurrency, AKilledReaderLeavesTheRestOfItsMessageToTheOthers) {
    contract("O3", "H4", "R4");
    become_fifo(3);
    writers(4);
    readers(4, 8);
    readers_at_random(2);
    go();
    kill_when(readers_[0], 0.1);
    kill_when(readers_[1], 0.2);
    kill_when(readers_[4], 0.3);
    all_arrive();
    expect_each_message_once(1 + 1 + whole / sizeof(Record));
    expect_whole_messages_in_order();
    expect_balance();
}

TEST_F(Concurrency, WithInterruptsEachByteArrivesExactlyOnce) {
    contract("H5", "H3");
    become_fifo(1);
    writers(4);
    readers(2, 16);
    readers(2, whole);
    go();
    interrupt_everybody_until_the_writers_are_done();
    all_arrive();
    expect_each_message_once();
    expect_whole_messages_in_order();
}

TEST_F(Concurrency, ReadersDrivenByEpollEachGetTheirMessagesAndMissNone) {
    contract("H5", "P4");
    become_fifo(3);
    writers(4);
    readers(4, 16, O_RDONLY | O_NONBLOCK);
    go();
    all_arrive();
    expect_each_message_once();
    expect_whole_messages_in_order();
}

TEST_F(Concurrency, WritersDrivenByEpollLoseNoMessage) {
    contract("H5", "P4");
    become_fifo(1);
    writers(4, O_WRONLY | O_NONBLOCK);
    readers(2);
    go();
    all_arrive();
    expect_each_message_once();
    expect_whole_messages_in_order();
}

TEST_F(Concurrency, AKilledWriterLeavesAWholeMessageOrNoneAndTheOthersGoOn) {
    contract("H3", "H5");
    become_fifo(1);
    writers(5);
    readers(3, 16);
    go();
    kill_when(writers_[0], 0.1);
    kill_when(writers_[1], 0.3);
    all_arrive();
    expect_each_message_once();
    expect_whole_messages_in_order();
}

TEST_F(Concurrency, AKilledReaderTakesNoMoreThanOneReadWithItAndTheOthersGoOn) {
    contract("H4", "H5");
    become_fifo(2);
    writers(4);
    readers(5, 16);
    go();
    kill_when(readers_[0], 0.1);
    kill_when(readers_[1], 0.3);
    all_arrive();
    expect_each_message_once(2 * 16 / sizeof(Record));
    expect_whole_messages_in_order();
}

TEST_F(Concurrency, OfEverythingAtOnceLosesNothing) {
    contract("H5");
    become_fifo(2);
    writers(3);
    writers(3, O_WRONLY | O_NONBLOCK);
    readers(2, 8);
    readers(2, whole);
    readers(3, 24, O_RDONLY | O_NONBLOCK);
    const ipcdev_stats before = stats();
    go();
    kill_when(writers_[0], 0.05);
    kill_when(readers_[0], 0.1);
    interrupt_everybody_until_the_writers_are_done();
    all_arrive();
    expect_each_message_once(1);
    expect_whole_messages_in_order();
    const ipcdev_stats after = stats();
    EXPECT_EQ(after.bytes_written - before.bytes_written, after.bytes_read - before.bytes_read);
    EXPECT_EQ(after.messages_written - before.messages_written,
              after.messages_read - before.messages_read);
}

// --- slot

TEST_F(Concurrency, InASlotEachReaderSeesEverNewerValues) {
    contract("M3");
    become_slot();
    constexpr int count = 3;
    std::vector<Client> readers = crowd("reader", count);
    readers[0].open(O_RDONLY | O_NONBLOCK); // by epoll
    for (Client& reader : readers) {
        reader.start(action::read_numbers);
    }
    const auto numbers = static_cast<std::int64_t>(2000 / options().slowness);
    const ipcdev_stats before = stats();
    expect_result(a.run(action::write_numbers, {Client::own, {numbers}, {}, -1}), 0);
    std::int64_t newest = 0;
    for (int i = 0; i < count; ++i) {
        const auto taken = [](const ipcdev_info& now) { return now.queued_messages == 0; };
        observer().wait_until(taken, "the value is taken");
        write_ok(a, bytes_of(slot_stop));
    }
    for (Client& reader : readers) {
        const Outcome done = reader.result();
        ASSERT_GE(done.result, 0) << done.text();
        newest = std::max(newest, done.result);
    }
    EXPECT_EQ(newest, numbers) << "the last value was lost";
    const ipcdev_stats after = stats();
    EXPECT_EQ(after.messages_written - before.messages_written,
              static_cast<std::uint64_t>(numbers + count));
    EXPECT_EQ(after.messages_written - before.messages_written,
              after.messages_read - before.messages_read + after.messages_overwritten -
                  before.messages_overwritten);
}

} // namespace
} // namespace ipcdev::conformance
