// SPDX-License-Identifier: MIT
//
// What signals do to parked calls, from the contract's chapters 'Hand-off' and
// 'Declared differences'. The races of a signal with a completion are in
// signal_races.cpp.
#include <csignal>

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device_test.h"

namespace ipcdev::conformance {
namespace {

class Signals : public DeviceTest {
  protected:
    // A call that a signal with SA_RESTART, a stop or a debugger came to: where
    // calls restart it is parked again (anew), elsewhere it ended with EINTR.
    static void restarts_or_ends(Client& client, const ipcdev_stats& before,
                                 Where where = Where::here()) {
        if (has(IPCDEV_CAP_RESTART)) {
            wait_until_parked_again(client, before, where);
        } else {
            declared_difference("EINTR (FUSE cannot carry ERESTARTSYS)");
            expect_ended(client, EINTR, where);
        }
    }

    static Outcome block_signals(const Call& /*call*/) {
        sigset_t all;
        sigfillset(&all);
        return outcome(pthread_sigmask(SIG_BLOCK, &all, nullptr));
    }

  private:
    static void wait_until_parked_again(Client& client, const ipcdev_stats& before, Where where) {
        for (unsigned attempt = 0; stats().reader_parks + stats().writer_parks <
                                   before.reader_parks + before.writer_parks + 1;
             ++attempt) {
            if (client.finished()) {
                fail(client.name() + " was not restarted: " + client.result().text(), where);
            }
            back_off(attempt);
        }
    }
};

// --- a signal without SA_RESTART: EINTR, takes nothing, leaves nothing

TEST_F(Signals, EndAParkedReadWithEINTR) {
    contract("H3");
    read_parks(a);
    interrupt(a);
    expect_ended(a, EINTR);
    expect_parked(0, 0);
}

TEST_F(Signals, EndAParkedWriteWithEINTR) {
    contract("H3");
    become_fifo(1);
    fill(b);
    write_parks(a, "never");
    interrupt(a);
    expect_ended(a, EINTR);
    expect_parked(0, 0);
    expect_queued(1, 1);
}

TEST_F(Signals, LetAnInterruptedReadTakeNothing) {
    contract("H3");
    read_parks(a);
    read_parks(b);
    interrupt(a);
    expect_ended(a, EINTR);
    write_ok(c, "for b");
    expect_read(b, "for b");
}

TEST_F(Signals, LetAnInterruptedWriteLeaveNothing) {
    contract("H3");
    become_fifo(1);
    fill(c);
    write_parks(a, "never");
    write_parks(b, "b's");
    interrupt(a);
    expect_ended(a, EINTR);
    expect_read(c, "0");
    expect_read(c, "b's");
    expect_queued(0, 0);
}

TEST_F(Signals, CountAsInterruptedInSTATS) {
    contract("I2");
    const ipcdev_stats before = stats();
    for (int i = 0; i < 3; ++i) {
        read_parks(a);
        interrupt(a);
        expect_ended(a, EINTR);
    }
    EXPECT_EQ(stats().interrupted, before.interrupted + 3);
    EXPECT_EQ(stats().reader_parks, before.reader_parks + 3);
}

TEST_F(Signals, KeepTheOrderOfTheOthers) {
    contract("H3", "R6");
    auto readers = crowd("reader", 6);
    for (auto& reader : readers) {
        read_parks(reader);
    }
    for (const std::size_t i : {0U, 3U, 5U}) {
        interrupt(readers[i]);
        expect_ended(readers[i], EINTR);
    }
    expect_parked(3, 0);
    for (const std::size_t i : {1U, 2U, 4U}) {
        write_ok(a, std::to_string(i));
        expect_read(readers[i], std::to_string(i));
    }
}

TEST_F(Signals, LetTheNextCallOfTheSameProcessWork) {
    contract("H3");
    read_parks(a);
    interrupt(a);
    expect_ended(a, EINTR);
    read_parks(a);
    write_ok(b, "x");
    expect_read(a, "x");
}

TEST_F(Signals, EndOnlyTheCallOfTheThreadThatGotThem) {
    contract("H3");
    Client thread = a.thread("a's thread");
    read_parks(a);
    read_parks(thread);
    interrupt(a);
    expect_ended(a, EINTR);
    still_parked(thread);
    interrupt(thread);
    expect_ended(thread, EINTR);
}

TEST_F(Signals, ThatAreIgnoredEndNothing) {
    contract("H3");
    read_parks(a);
    a.signal(SIGURG); // its default is to be ignored
    a.signal(SIGCHLD);
    still_parked(a);
    write_ok(b, "x");
    expect_read(a, "x");
}

TEST_F(Signals, ThatAreBlockedEndNothing) {
    contract("H3");
    a.run(block_signals);
    read_parks(a);
    interrupt(a);
    still_parked(a);
    write_ok(b, "x");
    expect_read(a, "x");
}

// --- SA_RESTART

TEST_F(Signals, WithRESTARTLetAParkedReadRestart) {
    contract("H3");
    read_parks(a);
    const ipcdev_stats before = stats();
    a.signal(SIGUSR2);
    restarts_or_ends(a, before);
    if (a.under_way()) {
        write_ok(b, "x");
        expect_read(a, "x");
    }
}

TEST_F(Signals, WithRESTARTLetAParkedWriteRestart) {
    contract("H3");
    become_fifo(1);
    fill(b);
    write_parks(a, "x");
    const ipcdev_stats before = stats();
    a.signal(SIGUSR2);
    restarts_or_ends(a, before);
    expect_read(b, "0");
    if (a.under_way()) {
        expect_written(a, 1);
        expect_read(b, "x");
    }
}

TEST_F(Signals, WithRESTARTPutARestartedCallBehindTheOthers) {
    contract("H3");
    read_parks(a);
    read_parks(b);
    const ipcdev_stats before = stats();
    a.signal(SIGUSR2);
    restarts_or_ends(a, before);
    write_ok(c, "for b");
    expect_read(b, "for b");
}

// --- stop and continue, a debugger

TEST_F(Signals, ThatStopAndContinueLetAParkedReadRestart) {
    contract("H3");
    read_parks(a);
    const ipcdev_stats before = stats();
    kill(a.pid(), SIGSTOP);
    if (waitpid(a.pid(), nullptr, WUNTRACED) != a.pid()) {
        fail("a did not stop", Where::here());
    }
    kill(a.pid(), SIGCONT);
    restarts_or_ends(a, before);
}

TEST_F(Signals, ThatStopAndContinueLetAParkedWriteRestart) {
    contract("H3");
    become_fifo(1);
    fill(b);
    write_parks(a, "x");
    const ipcdev_stats before = stats();
    setpgid(a.pid(), 0); // a shell's job: an orphaned process group would ignore it
    kill(a.pid(), SIGTSTP);
    if (waitpid(a.pid(), nullptr, WUNTRACED) != a.pid()) {
        fail("a did not stop", Where::here());
    }
    kill(a.pid(), SIGCONT);
    restarts_or_ends(a, before);
}

TEST_F(Signals, OfADebuggerThatAttachesLetAParkedReadRestart) {
    contract("H3");
    read_parks(a);
    const ipcdev_stats before = stats();
    if (ptrace(PTRACE_ATTACH, a.pid(), nullptr, nullptr) < 0) {
        skip("this user may not attach a debugger here");
    }
    if (waitpid(a.pid(), nullptr, 0) != a.pid()) {
        fail("a did not stop for its debugger", Where::here());
    }
    ptrace(PTRACE_DETACH, a.pid(), nullptr, nullptr);
    restarts_or_ends(a, before);
}

// --- SIGKILL always works, at once

TEST_F(Signals, ThatKillEndAParkedReaderAtOnce) {
    contract("H3");
    read_parks(a);
    killed(a);
    wait_parked_readers(0);
    wait_opens(1);
    write_ok(b, "for c");
    expect_read(c, "for c");
}

TEST_F(Signals, ThatKillEndAParkedWriterAtOnce) {
    contract("H3");
    become_fifo(1);
    fill(b);
    write_parks(a, "never");
    killed(a);
    wait_parked_writers(0);
    expect_read(b, "0");
    expect_queued(0, 0);
}

TEST_F(Signals, ThatKillEndAllThreadsOfAParkedProcess) {
    contract("H3");
    std::vector<Client> threads;
    for (int i = 0; i < 10; ++i) {
        threads.push_back(a.thread("thread" + std::to_string(i)));
        read_parks(threads.back());
    }
    killed(a);
    wait_parked_readers(0);
    wait_opens(1);
}

TEST_F(Signals, ThatKillEndManyParkedProcessesAtOnce) {
    contract("H3");
    auto readers = crowd("reader", 30);
    for (auto& reader : readers) {
        read_parks(reader);
    }
    for (auto& reader : readers) {
        reader.process().signal(SIGKILL);
    }
    for (auto& reader : readers) {
        killed(reader);
    }
    wait_parked_readers(0);
    write_ok(a, "x");
    expect_read(b, "x");
}

TEST_F(Signals, OfATerminalEndAParkedProcessAtOnce) {
    contract("H3");
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        read_parks(a);
        a.kill(number);
        wait_parked_readers(0);
        a.end();
    }
    write_ok(b, "x");
    expect_read(c, "x");
}

TEST_F(Signals, ThatKillAStoppedProcessLeaveNothing) {
    contract("H3");
    read_parks(a);
    kill(a.pid(), SIGSTOP);
    killed(a);
    wait_parked_readers(0);
    write_ok(b, "x");
    expect_read(c, "x");
}

} // namespace
} // namespace ipcdev::conformance
