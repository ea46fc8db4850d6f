// SPDX-License-Identifier: MIT
//
// Completed beats cancelled, as a race that is run many times: a signal and the
// completion come to a parked call together. Either may win, but the call's
// result, the queue and STATS must tell the same story.
//
//   a (parked)               b                         the suite
//   ----------               -                         ---------
//                            write "x": completes a
//                                                      SIGUSR1 to a
//   returns "x": never EINTR, or else "x" is queued for the next reader
#include <algorithm>
#include <chrono>
#include <csignal>

#include "device_test.h"
#include "options.h"

namespace ipcdev::conformance {
namespace {

constexpr unsigned many_rounds = 200;
constexpr unsigned some_rounds = 50; // each takes a process

// Rounds in which a completion and a signal start at about the same time. How
// far apart is learnt: the signal goes later after each round that it won and
// earlier after each that it lost, in growing steps while that does not change,
// so that the two settle where they meet.
class Race {
  public:
    explicit Race(unsigned rounds_at_most) : rounds_at_most_(rounds_at_most) {}

    // On a slow machine there are fewer, in a third of the watchdog's time.
    bool next_round() {
        const bool in_time = std::chrono::steady_clock::now() - begin_ < options().watchdog / 3;
        const bool more = rounds_ < rounds_at_most_ && in_time;
        rounds_ += more ? 1 : 0;
        return more;
    }
    template <class Complete, class Signal> void run(Complete complete, Signal signal) const {
        if (lead_ > Nanoseconds::zero()) {
            complete();
            spin(lead_);
            signal();
        } else {
            signal();
            spin(-lead_);
            complete();
        }
    }
    void signal_won(bool won) {
        won_ += won ? 1 : 0;
        step_ = won == won_before_ ? std::min(2 * step_, step_at_most) : step_at_least;
        won_before_ = won;
        lead_ += won ? step_ : -step_;
    }

    [[nodiscard]] unsigned rounds() const { return rounds_; }
    [[nodiscard]] unsigned won() const { return won_; } // by the signal
    [[nodiscard]] std::string message() const { return "message " + std::to_string(rounds_); }

  private:
    using Nanoseconds = std::chrono::nanoseconds;
    static constexpr Nanoseconds step_at_least{1000};
    static constexpr Nanoseconds step_at_most{1000000};

    static void spin(Nanoseconds time) {
        const auto end = std::chrono::steady_clock::now() + time;
        while (std::chrono::steady_clock::now() < end) {
        }
    }

    const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    const unsigned rounds_at_most_;
    unsigned rounds_ = 0;
    unsigned won_ = 0;
    Nanoseconds lead_{20000}; // of the completion
    Nanoseconds step_ = step_at_least;
    bool won_before_ = false;
};

class SignalRaces : public DeviceTest {
  protected:
    void SetUp() override {
        DeviceTest::SetUp();
        before_ = stats();
    }
    // What happened since the start of the test, exactly.
    void expect_counted(unsigned messages, unsigned interrupted) const {
        const ipcdev_stats now = stats();
        EXPECT_EQ(now.messages_written - before_.messages_written, messages);
        EXPECT_EQ(now.messages_read - before_.messages_read, messages);
        EXPECT_EQ(now.interrupted - before_.interrupted, interrupted);
    }
    static void record(const Race& race) {
        RecordProperty("rounds", std::to_string(race.rounds()));
        RecordProperty("signal_won", std::to_string(race.won()));
    }

    // The call's own word: success, or EINTR and nothing else.
    static bool was_interrupted(const Outcome& done) {
        if (done.result < 0) {
            expect_error(done, EINTR);
        }
        return done.result < 0;
    }

  private:
    ipcdev_stats before_{};
};

TEST_F(SignalRaces, AReadIsCompletedOrInterruptedNeverBoth) {
    contract("H2");
    Race race(many_rounds);
    static_cast<void>(b.fd());
    while (race.next_round()) {
        const std::string message = race.message();
        read_parks(a);
        race.run([&] { b.start_write(message); }, [&] { interrupt(a); });
        const Outcome done = a.result();
        expect_written(b, message.size());
        const bool interrupted = was_interrupted(done);
        race.signal_won(interrupted);
        if (interrupted) {
            expect_read(c, message); // it went into the queue
        } else {
            ASSERT_EQ(done.bytes, message);
        }
        expect_queued(0, 0);
    }
    expect_counted(race.rounds(), race.won());
    record(race);
}

TEST_F(SignalRaces, AWriteIsCompletedOrInterruptedNeverBoth) {
    contract("H2");
    Race race(many_rounds);
    become_fifo(1);
    while (race.next_round()) {
        const std::string message = race.message();
        write_ok(b, "before");
        write_parks(a, message);
        race.run([&] { b.start_read(whole_message); }, [&] { interrupt(a); });
        const Outcome done = a.result();
        expect_read(b, "before");
        const bool interrupted = was_interrupted(done);
        race.signal_won(interrupted);
        if (interrupted) {
            expect_queued(0, 0);
        } else {
            expect_queued(1, message.size());
            expect_read(b, message);
        }
    }
    expect_counted(2 * race.rounds() - race.won(), race.won());
    record(race);
}

TEST_F(SignalRaces, TheNextReaderInLineGetsWhatAnInterruptedOneDidNot) {
    contract("H2", "H3");
    Race race(many_rounds);
    static_cast<void>(c.fd());
    while (race.next_round()) {
        const std::string message = race.message();
        read_parks(a);
        read_parks(b);
        race.run([&] { c.start_write(message); }, [&] { interrupt(a); });
        const Outcome done = a.result();
        expect_written(c, message.size());
        const bool interrupted = was_interrupted(done);
        race.signal_won(interrupted);
        if (interrupted) {
            expect_read(b, message);
        } else {
            ASSERT_EQ(done.bytes, message);
            still_parked(b);
            write_ok(c, "for b");
            expect_read(b, "for b");
        }
    }
    expect_counted(2 * race.rounds() - race.won(), race.won());
    record(race);
}

TEST_F(SignalRaces, AKilledReaderTakesTheMessageWithItOrLeavesIt) {
    contract("H4");
    Race race(some_rounds);
    static_cast<void>(b.fd());
    while (race.next_round()) {
        read_parks(a);
        race.run([&] { b.start_write("x"); }, [&] { a.process().signal(SIGKILL); });
        killed(a);
        a.end();
        expect_written(b, 1);
        wait_opens(2); // the dead one's call is settled
        const bool left = info().queued_messages == 1;
        race.signal_won(left);
        if (left) {
            expect_read(b, "x");
        }
        expect_queued(0, 0);
    }
    expect_counted(race.rounds(), race.won());
    record(race);
}

TEST_F(SignalRaces, AKilledWriterLeavesAWholeMessageOrNone) {
    contract("H2", "H3");
    Race race(some_rounds);
    become_fifo(1);
    const std::string message = pattern(IPCDEV_MESSAGE_DEFAULT);
    while (race.next_round()) {
        write_ok(b, "before");
        write_parks(a, message);
        race.run([&] { b.start_read(whole_message); }, [&] { a.process().signal(SIGKILL); });
        killed(a);
        a.end();
        expect_read(b, "before");
        wait_opens(2);
        const bool left = info().queued_messages == 1;
        race.signal_won(!left);
        if (left) {
            expect_read(b, message);
        }
        expect_queued(0, 0);
    }
    expect_counted(2 * race.rounds() - race.won(), race.won());
    record(race);
}

// Many signals, no completion: each call ends once, and no call is forgotten.
TEST_F(SignalRaces, CallsThatAreInterruptedAtAnyTimeEndAndLeaveNothing) {
    contract("H3");
    Race race(some_rounds);
    static_cast<void>(a.fd());
    while (race.next_round()) {
        a.start_read(whole_message);
        // The first signals may come before the call: then they only run the handler.
        for (unsigned attempt = 0; !a.finished(); ++attempt) {
            interrupt(a);
            back_off(attempt);
        }
        expect_ended(a, EINTR);
    }
    expect_parked(0, 0);
    write_ok(b, "x");
    expect_read(a, "x");
}

} // namespace
} // namespace ipcdev::conformance
