// SPDX-License-Identifier: MIT
//
// `read` of the shells, which takes a line byte by byte where it can't seek.
#include <csignal>
#include <cstdlib>

#include "program_test.h"

namespace ipcdev::conformance {
namespace {

class Shells : public ProgramTest {};

TEST_F(Shells, ReadFromASlotGetsTheWholeValue) {
    contract("M3", "R4");
    become_slot();
    for (const Shell& shell : shells) {
        write_ok(a, "old value\n");
        write_ok(a, "new value\n");
        prints(run_in(shell, "read -r value < {device}; echo \"got $value\""), "got new value\n");
        expect_queued(0, 0);
    }
}

TEST_F(Shells, ReadGetsTheRestOfAValueThatANewerOneCameAfter) {
    contract("M3", "R3", "R4");
    become_slot();
    for (const Shell& shell : shells) {
        write_ok(a, "the value\n");
        Program reader =
            run_in(shell, "exec 3< {device}; dd bs=4 count=1 status=none <&3; kill -STOP $$; "
                          "read -r rest <&3; echo \"$rest\"; "
                          "read -r next <&3; echo \"$next\"");
        stops(reader);
        write_ok(a, "a newer\n");
        write_ok(a, "the newest\n");
        reader.signal(SIGCONT);
        prints(std::move(reader), "the value\nthe newest\n");
    }
}

TEST_F(Shells, ReadReadsLineByLineWhatCameAsOneMessage) {
    contract("R3", "R4");
    for (const Shell& shell : {dash, zsh, busybox}) {
        write_ok(a, "first line\nsecond line\n");
        write_ok(a, "next message\n");
        prints(run_in(shell, "for i in 1 2; do read -r line; echo \"got $line\"; done < {device}"),
               "got first line\ngot second line\n");
        expect_read(b, "next message\n");
    }
}

TEST_F(Shells, BashReadsLineByLineWhatCameAsOneMessage) {
    contract("R3", "N7");
    write_ok(a, "first line\nsecond line\n");
    write_ok(a, "next message\n");
    Program reader =
        run_in(bash, "for i in 1 2; do read -r line; echo \"got $line\"; done < {device}");
    if (is_cuse()) {
        prints(std::move(reader), "got first line\ngot next message\n");
        declared_difference("the second line is lost: lseek seems to work, so bash reads ahead");
        return;
    }
    prints(std::move(reader), "got first line\ngot second line\n");
    expect_read(b, "next message\n");
}

TEST_F(Shells, BashReadsEachLineOfWhatAnotherProgramPassesOn) {
    contract("R2", "N7");
    for (const std::string program : {"cat", "dd bs=64k status=none if=", "sed -u ''"}) {
        const std::string passes = program + (program.ends_with('=') ? "{device}" : " {device}");
        write_ok(a, "first line\nsecond line\n");
        // It has to be gone before the next message comes, which it would take along.
        prints(run_in(bash, "exec 3< <(exec " + passes +
                                "); program=$!; for i in 1 2; do read -r line <&3; "
                                "echo \"got $line\"; done; kill $program; wait $program || true"),
               "got first line\ngot second line\n");
    }
}

// Neither takes a byte at a time where a file can be sought, and stdbuf is for programs of C.
TEST_F(Shells, BashReadsAheadHoweverItIsTold) {
    contract("R3", "N7");
    const Shell unbuffered{{"stdbuf", "-i0", "bash", "-c"}, "coreutils"};
    struct Way {
        Shell shell;
        std::string read;
        std::string message;
    };
    for (const auto& [shell, read, message] :
         {Way{bash, "read -r -n 3", "onetwo\n"}, Way{bash, "read -r -d ,", "one,two\n"},
          Way{unbuffered, "read -r", "one\ntwo\n"}}) {
        write_ok(a, message);
        write_ok(a, "next\n");
        Program reader = run_in(shell, "exec 3< {device}; " + read +
                                           " first <&3; read -r second <&3; "
                                           "echo \"got $first and $second\"");
        if (is_cuse()) {
            prints(std::move(reader), "got one and next\n");
            declared_difference("the second part is lost: lseek seems to work");
            continue;
        }
        prints(std::move(reader), "got one and two\n");
        expect_read(b, "next\n");
    }
}

TEST_F(Shells, ReadWithATimeLimitEndsWhenNothingComes) {
    contract("R5", "H3", "P3");
    for (const Shell& shell : {zsh, busybox}) {
        prints(run_in(shell, "if read -t 1 -r line < {device}; then echo got; else echo none; fi"),
               "none\n");
        write_ok(a, "a line\n");
        prints(run_in(shell, "read -t 60 -r line < {device}; echo \"got $line\""), "got a line\n");
    }
    expect_parked(0, 0);
}

TEST_F(Shells, BashsReadWithATimeLimitEndsWhenNothingComes) {
    contract("R5", "H3");
    Program reader = run_in(bash, "if read -t 0.1 -r line < {device}; then echo \"got $line\"; "
                                  "else echo none; fi");
    if (!is_a_file()) {
        prints(std::move(reader), "none\n");
        return;
    }
    wait_parked_readers(1);
    ends_well(run("exec sleep 0.5"));
    expect_parked(1, 0);
    write_ok(a, "late\n");
    prints(std::move(reader), "got late\n");
    declared_difference("there is no limit: bash has none for regular files");
}

TEST_F(Shells, DdWithATimeLimitEndsWhenNothingComesAndTakesNothing) {
    contract("R5", "H3");
    constexpr int timed_out = 124;
    EXPECT_EQ(run("exec timeout 0.2 dd if={device} bs=64k count=1 status=none").wait(), timed_out);
    expect_parked(0, 0);
    write_ok(a, "a line\n");
    expect_read(b, "a line\n");
}

} // namespace
} // namespace ipcdev::conformance
