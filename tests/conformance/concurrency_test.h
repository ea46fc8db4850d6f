// SPDX-License-Identifier: MIT
//
// The fixture of 'Concurrency': writers and readers that all go at once, and the laws
// that what they did has to obey.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "device_test.h"
#include "options.h"
#include "traffic.h"

namespace ipcdev::conformance {

// A client with its log; the log is made first, so that the client shares it.
struct Party {
    explicit Party(const std::string& name, int open_flags) : client(name), flags(open_flags) {}

    SharedLog log;
    Client client;
    int flags;
};

inline constexpr std::size_t whole = 64; // bytes: as many as a message has at most

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
        seeds_.resize(readers_.size(), 0);
    }
    // Each read of theirs is of some bytes, at random.
    void readers_at_random(int count, int flags = O_RDONLY) {
        add(readers_, "reader", count, flags);
        read_sizes_.resize(readers_.size(), whole);
        while (seeds_.size() < readers_.size()) {
            seeds_.push_back(static_cast<unsigned>(seeds_.size()) + 1);
        }
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
    // Each reader has read whole messages, those of a writer in the order of writing. If
    // one was killed, others may have what is left of a message of its.
    void expect_whole_messages_in_order();
    // Of a ring: those that nobody read were overwritten.
    void expect_each_message_once_or_overwritten();

    std::vector<Party> writers_, readers_;

  private:
    static void add(std::vector<Party>& parties, const std::string& name, int count, int flags);
    static void wait_for_the_end(Party& party);
    static std::size_t take_what_was_under_way(std::map<Record, unsigned>& times, unsigned writer,
                                               std::uint32_t message);
    [[nodiscard]] static bool ended(Party& party) {
        return !party.client.started() || !party.client.under_way() || party.client.finished();
    }

    static std::size_t expect_a_message(const Party& reader, const std::vector<Record>& records,
                                        std::size_t from, bool may_be_a_rest);

    std::vector<std::size_t> read_sizes_;
    std::vector<unsigned> seeds_;
    ipcdev_stats before_{};
};

} // namespace ipcdev::conformance
