// SPDX-License-Identifier: MIT
#include "concurrency_test.h"

#include <csignal>

namespace ipcdev::conformance {

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
        readers_[i].client.start(
            action::read_records,
            {Client::own, {readers_[i].log.address(), size, seeds_[i]}, {}, -1});
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
            observer().wait_until([](const ipcdev_info& now) { return now.queued_messages == 0; },
                                  "what waits is read"); // a ring would drop it
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

// From this record on it is a message, or, if it may be, the rest of one. Returns where the
// next one begins.
std::size_t Concurrency::expect_a_message(const Party& reader, const std::vector<Record>& records,
                                          std::size_t from, bool may_be_a_rest) {
    const Record first = records[from];
    const std::vector<Record> all = records_of(first.writer, first.message);
    const std::string message =
        "writer" + std::to_string(first.writer) + "'s message " + std::to_string(first.message);
    if (first.place >= all.size() || (first.place != 0 && !may_be_a_rest)) {
        fail(reader.client.name() + " read " + message + " from record " +
                 std::to_string(first.place) + " on",
             Where::here());
    }
    std::size_t place = first.place;
    while (from < records.size() && place < all.size() && records[from] == all[place]) {
        ++from;
        ++place;
    }
    const bool was_killed = from == records.size() && !reader.client.started();
    if (place < all.size() && !was_killed) {
        fail(reader.client.name() + " left " + message + " before its end", Where::here());
    }
    return from;
}

void Concurrency::expect_whole_messages_in_order() {
    const bool killed_one =
        std::ranges::any_of(readers_, [](const Party& reader) { return !reader.client.started(); });
    for (const Party& reader : readers_) {
        std::map<unsigned, std::uint32_t> last; // that a reader began, of each writer
        const std::vector<Record> records = reader.log.records();
        for (std::size_t i = 0; i < records.size();) {
            const Record first = records[i];
            i = expect_a_message(reader, records, i, killed_one);
            if (first.place != 0) {
                continue; // left by one who was killed: it comes late
            }
            const auto [before, is_first] = last.try_emplace(first.writer, first.message);
            if (!is_first && before->second >= first.message) {
                fail("writer" + std::to_string(first.writer) + "'s message " +
                         std::to_string(first.message) + " came after " +
                         std::to_string(before->second),
                     Where::here());
            }
            before->second = first.message;
        }
    }
}

void Concurrency::expect_each_message_once_or_overwritten() {
    std::map<Record, unsigned> times; // of the first records
    for (const Party& reader : readers_) {
        for (const Record& record : reader.log.records()) {
            times[record] += record.place == 0 ? 1U : 0U;
        }
    }
    std::uint64_t read = 0;
    for (const auto& [record, count] : times) {
        EXPECT_LE(count, 1U);
        read += count;
    }
    const std::uint64_t written = messages_each() * writers_.size();
    const ipcdev_stats now = stats();
    EXPECT_EQ(now.messages_overwritten - before_.messages_overwritten, written - read);
    EXPECT_EQ(now.bytes_truncated, before_.bytes_truncated);
}

} // namespace ipcdev::conformance
