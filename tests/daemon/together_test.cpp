// SPDX-License-Identifier: MIT
//
// Of several daemons that start for the same device at the same time exactly
// one serves it, and the others say so.
#include <csignal>

#include "fixture.h"

namespace ipcdev::daemon_tests {

namespace {

class StartedTogether : public EachTransport {
  protected:
    struct Start {
        NotifySocket systemd;
        Program daemon;
    };

    // Starts that many, checks who serves, and ends all.
    void start(int daemons) const {
        std::vector<Start> starts(static_cast<std::size_t>(daemons));
        for (Start& each : starts) {
            Command started = command();
            started.environment.push_back(each.systemd.setting());
            each.daemon = Program(started);
        }
        int serving = 0;
        for (Start& each : starts) {
            if (becomes_ready(each.daemon, each.systemd)) {
                ++serving;
            } else {
                expect_refusal_of_another(each.daemon);
            }
        }
        EXPECT_EQ(serving, 1);
        if (serving == 1) {
            EXPECT_TRUE(passes_messages(device()));
        }
        for (Start& each : starts) {
            if (each.daemon.pid() != 0) {
                each.daemon.signal(SIGTERM);
                EXPECT_EQ(each.daemon.wait(), 0) << each.daemon.errors();
            }
        }
        expect_nothing_at(device());
    }
};

TEST_P(StartedTogether, OfTwoOneServes) {
    for (int round = 0; round < rounds(100) && !HasFailure(); ++round) {
        start(2);
    }
}

TEST_P(StartedTogether, OfEightOneServes) {
    for (int round = 0; round < rounds(20) && !HasFailure(); ++round) {
        start(8);
    }
}

IPCDEV_EACH_TRANSPORT(StartedTogether);

// After one that was killed, whose mount each of them may find.
class StartedTogetherAfterAKill : public StartedTogether {};

TEST_P(StartedTogetherAfterAKill, OfThreeOneServes) {
    for (int round = 0; round < rounds(30) && !HasFailure(); ++round) {
        Daemon killed(command());
        if (round % 2 == 0) {
            kill_with_unmounter(killed);
        } else {
            killed.kill();
        }
        start(3);
    }
}

IPCDEV_EACH_TRANSPORT(StartedTogetherAfterAKill);

// One ends while the next starts: it may serve or refuse, but leaves nothing.
class StartedAtTheEnd : public EachTransport {};

TEST_P(StartedAtTheEnd, OfAnotherItServesOrRefusesAndLeavesNothing) {
    for (int round = 0; round < rounds(50) && !HasFailure(); ++round) {
        Daemon first(command());
        const NotifySocket systemd;
        Command started = command();
        started.environment.push_back(systemd.setting());
        first.signal(SIGTERM);
        Program second(started);
        if (becomes_ready(second, systemd)) {
            EXPECT_TRUE(passes_messages(device()));
            second.signal(SIGTERM);
            EXPECT_EQ(second.wait(), 0);
        } else {
            expect_refusal_of_another(second);
        }
        EXPECT_EQ(first.wait(), 0) << first.errors();
        expect_nothing_at(device());
    }
}

IPCDEV_EACH_TRANSPORT(StartedAtTheEnd);

} // namespace

} // namespace ipcdev::daemon_tests
