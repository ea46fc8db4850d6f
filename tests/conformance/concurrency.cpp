// SPDX-License-Identifier: MIT
//
// The promise of the contract's chapter 'Hand-off', with many processes at once:
// no byte is lost, doubled or reordered by any mix of operations.
#include <algorithm>
#include <csignal>
#include <map>

#include "device_test.h"
#include "options.h"
#include "traffic.h"

namespace ipcdev::conformance {
namespace {

// A client with its log; the log is made first, so that the client shares it.
struct Party {
    explicit Party(const std::string& name, int open_flags) : client(name), flags(open_flags) {}

    SharedLog log;
    Client client;
    int flags;
};

constexpr std::size_t whole = 64; // bytes: as many as a message has at most

class Concurrency : public DeviceTest {
  protected:
    void TearDown() override {
        writers_.clear();
        readers_.clear();
        DeviceTest::TearDown();
    }

    // --- the parties; they begin with go()
    void writers(int count, int flags = O_WRONLY) { add(writers_, "writer", count, flags); }
    // Each reads at most so many bytes at once; a multiple of 8.
    void readers(int count, std::size_t bytes = whole, int flags = O_RDONLY) {
        add(readers_, "reader", count, flags);
        read_sizes_.resize(readers_.size(), bytes);
    }
    void go();
    static std::uint32_t messages_each() {
        return std::max(20U, static_cast<std::uint32_t>(300 / options().slowness));
    }

    // --- what disturbs them
    void interrupt_everybody_until_the_writers_are_done();
    // When so many of all the messages have been read.
    void kill_when(Party& party, double part_of_messages);

    // --- the end
    void all_arrive(); // waits for the writers, then ends the readers
    void expect_each_message_once(std::size_t records_that_may_be_lost = 0);
    void expect_the_order_of_each_writer();

    std::vector<Party> writers_, readers_;

  private:
    static void add(std::vector<Party>& parties, const std::string& name, int count, int flags);
    static void wait_for_the_end(Party& party);
    static std::size_t take_what_was_under_way(std::map<Record, unsigned>& times, unsigned writer,
                                               std::uint32_t message);
    [[nodiscard]] static bool ended(Party& party) {
        return !party.client.started() || !party.client.under_way() || party.client.finished();
    }

    std::vector<std::size_t> read_sizes_;
    ipcdev_stats before_{};
};

void Concurrency::add(std::vector<Party>& parties, const std::string& name, int count, int flags) {
    for (int i = 0; i < count; ++i) {
        parties.emplace_back(name + std::to_string(parties.size()), flags);
    }
}

void Concurrency::go() {
    before_ = stats();
    for (auto* parties : {&readers_, &writers_}) {
        for (Party& party : *parties) {
            ASSERT_GE(party.client.open(party.flags).result, 0);
        }
    }
    for (std::size_t i = 0; i < readers_.size(); ++i) {
        const auto size = static_cast<std::int64_t>(read_sizes_[i]);
        readers_[i].client.start(action::read_records,
                                 {Client::own, {readers_[i].log.address(), size}, {}, -1});
    }
    for (std::size_t i = 0; i < writers_.size(); ++i) {
        const auto number = static_cast<std::int64_t>(i);
        writers_[i].client.start(
            action::write_messages,
            {Client::own, {writers_[i].log.address(), number, messages_each()}, {}, -1});
    }
}

void Concurrency::interrupt_everybody_until_the_writers_are_done() {
    for (unsigned attempt = 0; !std::ranges::all_of(writers_, ended); ++attempt) {
        for (auto* parties : {&readers_, &writers_}) {
            for (Party& party : *parties) {
                if (!ended(party)) {
                    party.client.signal(SIGUSR1);
                }
            }
        }
        back_off(std::min(attempt, 20U)); // 1 ms at most
    }
}

void Concurrency::kill_when(Party& party, double part_of_messages) {
    const auto all = static_cast<double>(messages_each() * writers_.size());
    const auto reached =
        before_.messages_written + static_cast<std::uint64_t>(all * part_of_messages);
    observer().wait_until([&](const ipcdev_info&) { return stats().messages_written >= reached; },
                          "some messages have passed");
    killed(party.client);
}

void Concurrency::wait_for_the_end(Party& party) {
    if (party.client.started()) { // not killed
        const Outcome done = party.client.result();
        if (done.result != 0 || done.error != 0) {
            fail(party.client.name() + " ended with " + done.text(), Where::here());
        }
    }
}

void Concurrency::all_arrive() {
    for (Party& writer : writers_) {
        wait_for_the_end(writer);
    }
    for (Party& reader : readers_) {
        if (reader.client.started()) {
            write_ok(d, bytes_of(stop));
        }
    }
    for (Party& reader : readers_) {
        wait_for_the_end(reader);
    }
    expect_queued(0, 0);
}

void Concurrency::expect_each_message_once(std::size_t records_that_may_be_lost) {
    std::map<Record, unsigned> times;
    for (const Party& reader : readers_) {
        for (const Record& record : reader.log.records()) {
            ++times[record];
        }
    }
    const auto twice =
        std::ranges::count_if(times, [](const auto& entry) { return entry.second > 1; });
    std::size_t lost = 0;
    for (unsigned writer = 0; writer < writers_.size(); ++writer) {
        const std::uint32_t written = writers_[writer].log->written;
        for (std::uint32_t message = 0; message < written; ++message) {
            for (const Record& record : records_of(writer, message)) {
                lost += times.erase(record) == 0 ? 1 : 0;
            }
        }
        lost += take_what_was_under_way(times, writer, written);
    }
    EXPECT_EQ(twice, 0) << "records that were read twice";
    EXPECT_EQ(times.size(), 0U) << "records that nobody wrote";
    EXPECT_LE(lost, records_that_may_be_lost) << "records that nobody read";
}

// A killed writer's last message may have been admitted, or not. How many of its
// records are lost, if it was.
std::size_t Concurrency::take_what_was_under_way(std::map<Record, unsigned>& times, unsigned writer,
                                                 std::uint32_t message) {
    const auto records = records_of(writer, message);
    const auto arrived = std::ranges::count_if(
        records, [&](const Record& record) { return times.erase(record) != 0; });
    return arrived == 0 ? 0 : records.size() - static_cast<std::size_t>(arrived);
}

// What one reader reads of one writer comes in the order of writing.
void Concurrency::expect_the_order_of_each_writer() {
    for (const Party& reader : readers_) {
        std::map<unsigned, Record> last;
        for (const Record& record : reader.log.records()) {
            const auto [place, is_first] = last.try_emplace(record.writer, record);
            if (!is_first && !(std::pair(place->second.message, place->second.place) <
                               std::pair(record.message, record.place))) {
                fail("writer" + std::to_string(record.writer) + "'s message " +
                         std::to_string(record.message) + " came after " +
                         std::to_string(place->second.message),
                     Where::here());
            }
            place->second = record;
        }
    }
}

TEST_F(Concurrency, ManyWritersAndReadersEachMessageArrivesExactlyOnce) {
    contract("H5");
    become_fifo(4);
    writers(6);
    readers(6);
    go();
    all_arrive();
    expect_each_message_once();
    expect_the_order_of_each_writer();
}

TEST_F(Concurrency, ThroughAFifoOfDepth1EachMessageArrivesExactlyOnce) {
    contract("H5", "M1");
    become_fifo(1);
    writers(4);
    readers(4);
    go();
    all_arrive();
    expect_each_message_once();
    expect_the_order_of_each_writer();
}

TEST_F(Concurrency, OneReaderGetsTheMessagesOfEachWriterInOrder) {
    contract("H5");
    writers(8);
    readers(1);
    go();
    all_arrive();
    expect_each_message_once();
    expect_the_order_of_each_writer();
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
    expect_the_order_of_each_writer();
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
    expect_the_order_of_each_writer();
}

TEST_F(Concurrency, ReadersDrivenByEpollEachGetTheirMessagesAndMissNone) {
    contract("H5", "P4");
    become_fifo(3);
    writers(4);
    readers(4, 16, O_RDONLY | O_NONBLOCK);
    go();
    all_arrive();
    expect_each_message_once();
    expect_the_order_of_each_writer();
}

TEST_F(Concurrency, WritersDrivenByEpollLoseNoMessage) {
    contract("H5", "P4");
    become_fifo(1);
    writers(4, O_WRONLY | O_NONBLOCK);
    readers(2);
    go();
    all_arrive();
    expect_each_message_once();
    expect_the_order_of_each_writer();
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
    expect_the_order_of_each_writer();
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
    expect_the_order_of_each_writer();
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
    expect_the_order_of_each_writer();
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
