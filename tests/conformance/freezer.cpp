// SPDX-License-Identifier: MIT
//
// Processes that are frozen while their calls are parked, and thawed: as suspend freezes
// them (control groups of version 1), and as `systemctl freeze` and container managers
// do (version 2). Needs root, to make control groups.
//
// A frozen process is stopped without being told. Nothing of it should show: its calls
// are parked where they were, and get what comes meanwhile.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string>
#include <system_error>

#include <unistd.h>

#include "batch_test.h"
#include "support/freezer.h"

namespace ipcdev::conformance {
namespace {

class Frozen : public BatchTest, public testing::WithParamInterface<Freezer::Version> {
  protected:
    void SetUp() override {
        if (geteuid() != 0) {
            skip("only root can make a control group");
        }
        try {
            group_.emplace(GetParam());
        } catch (const std::system_error& problem) {
            skip(std::string("no control groups that can be frozen: ") + problem.what());
        }
        BatchTest::SetUp();
    }
    void TearDown() override {
        try {
            if (group_) {
                group_->thaw(); // or killing them would not end them
            }
        } catch (const std::exception& problem) { // not in time
            ADD_FAILURE() << "after the test: " << problem.what();
        }
        BatchTest::TearDown();
        group_.reset();
    }

    // What became of the parked calls of frozen processes, once they are thawed.
    enum class Fate {
        in_place,  // as if nothing had been
        restarted, // parked again, behind all others
        ended,     // as by a signal
    };

    static bool by_suspends_way() { return GetParam() == Freezer::Version::one; }

    // All of these processes, and nobody else.
    void freeze(std::initializer_list<Client*> clients) {
        for (Client* client : clients) {
            group_->add(client->pid());
        }
        before_ = stats();
        const unsigned parked = calls_parked();
        group_->freeze();
        in_place_ = calls_parked() == parked;
    }

    // The same, each of which has one call parked. Declares what the server can't do.
    Fate thaw(std::initializer_list<Client*> clients, Where where = Where::here()) {
        group_->thaw();
        const Fate fate = in_place_ ? Fate::in_place : fate_of(clients);
        if (fate == Fate::in_place) {
            return fate;
        }
        if (!is_module()) {
            declared_difference("as by a signal: EINTR, or the part of a batch that is in");
        } else if (!by_suspends_way()) {
            declared_difference("as by a signal: restarts, or returns the part of a batch");
        } else {
            fail("the call did not stay parked", where);
        }
        return fate;
    }

    // A call whose fate it is to be ended: not by the module.
    static void expect_interrupted(Client& client, Where where = Where::here()) {
        if (is_module()) {
            fail(client.name() + " was not restarted: " + client.result().text(), where);
        }
        expect_ended(client, EINTR, where);
    }

    std::optional<Freezer> group_;

  private:
    static unsigned calls_parked() {
        const ipcdev_info now = info();
        return now.parked_readers + now.parked_writers;
    }
    static std::uint64_t parks(const ipcdev_stats& stats) {
        return stats.reader_parks + stats.writer_parks;
    }

    // Of calls that left their places: they end, or park anew.
    Fate fate_of(std::initializer_list<Client*> clients) const {
        for (unsigned attempt = 0;; ++attempt) {
            if (std::ranges::all_of(clients, [](Client* client) { return client->finished(); })) {
                return Fate::ended;
            }
            if (parks(stats()) >= parks(before_) + clients.size()) {
                return Fate::restarted;
            }
            back_off(attempt);
        }
    }

    ipcdev_stats before_{};
    bool in_place_ = false;
};

INSTANTIATE_TEST_SUITE_P(, Frozen, testing::Values(Freezer::Version::one, Freezer::Version::two),
                         [](const auto& version) {
                             return version.param == Freezer::Version::one ? "AsBySuspend"
                                                                           : "ByCgroupFreeze";
                         });

TEST_P(Frozen, AParkedReadIsNotEnded) {
    contract("H3");
    read_parks(a);
    freeze({&a});
    if (thaw({&a}) == Fate::ended) {
        expect_interrupted(a);
        write_ok(c, "hello");
        expect_read(d, "hello");
    } else {
        write_ok(c, "hello");
        expect_read(a, "hello");
    }
}

TEST_P(Frozen, AParkedWriteIsNotEnded) {
    contract("H3");
    become_fifo(1);
    fill(b);
    write_parks(a, "hello");
    freeze({&a});
    if (thaw({&a}) == Fate::ended) {
        expect_interrupted(a);
        expect_read(b, "0");
        expect_queued(0, 0);
    } else {
        expect_read(b, "0");
        expect_written(a, 5);
        expect_read(b, "hello");
    }
}

TEST_P(Frozen, AParkedReaderKeepsItsPlace) {
    contract("H3", "R6");
    read_parks(a);
    read_parks(b);
    freeze({&a});
    const Fate fate = thaw({&a});
    write_ok(c, "1");
    write_ok(c, "2");
    expect_read(fate == Fate::in_place ? a : b, "1");
    if (fate == Fate::ended) {
        expect_interrupted(a);
        expect_read(d, "2");
    } else {
        expect_read(fate == Fate::in_place ? b : a, "2");
    }
}

TEST_P(Frozen, ReadersThatAreFrozenTogetherKeepTheirOrder) {
    contract("H3", "R6");
    read_parks(a);
    read_parks(b);
    freeze({&a, &b});
    const Fate fate = thaw({&a, &b});
    if (fate == Fate::ended) {
        expect_interrupted(a);
        expect_interrupted(b);
        return;
    }
    write_ok(c, "1");
    write_ok(c, "2");
    const Outcome of_a = a.result();
    const Outcome of_b = b.result();
    if (fate == Fate::in_place) {
        EXPECT_EQ(of_a.bytes, "1");
        EXPECT_EQ(of_b.bytes, "2");
    } else { // whichever was the first to restart
        EXPECT_TRUE(of_a.bytes + of_b.bytes == "12" || of_a.bytes + of_b.bytes == "21");
    }
}

TEST_P(Frozen, AParkedWriterKeepsItsPlace) {
    contract("H3", "W6");
    become_fifo(1);
    fill(c);
    write_parks(a, "of a");
    write_parks(b, "of b");
    freeze({&a});
    const Fate fate = thaw({&a});
    expect_read(c, "0");
    expect_read(c, fate == Fate::in_place ? "of a" : "of b");
    if (fate == Fate::ended) {
        expect_interrupted(a);
        expect_queued(0, 0);
    } else {
        expect_read(c, fate == Fate::in_place ? "of b" : "of a");
    }
}

TEST_P(Frozen, ABatchIsNotShortened) {
    contract("H3", "B6");
    become_fifo(1);
    batches(a);
    write_parks(a, frames({"1", "2"}));
    freeze({&a});
    const Fate fate = thaw({&a});
    expect_read(b, "1");
    if (fate == Fate::in_place) {
        expect_written(a, 32);
        expect_read(b, "2");
    } else { // ends as a signal ends it, with what is in
        expect_written(a, 16);
        expect_queued(0, 0);
    }
}

TEST_P(Frozen, AMessageThatComesMeanwhileIsForTheFirst) {
    contract("H3", "R6");
    read_parks(a);
    read_parks(b);
    freeze({&a});
    write_ok(c, "meanwhile");
    const Fate fate = thaw({&a});
    expect_read(fate == Fate::in_place ? a : b, "meanwhile");
}

TEST_P(Frozen, AProcessThatIsKilledMeanwhileTakesNothing) {
    contract("H3");
    read_parks(a);
    freeze({&a});
    a.process().signal(SIGKILL);
    group_->thaw();
    killed(a);
    wait_parked_readers(0);
    write_ok(b, "hello");
    expect_read(c, "hello");
}

} // namespace
} // namespace ipcdev::conformance
