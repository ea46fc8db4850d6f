// SPDX-License-Identifier: MIT
//
// The README's job queue: shells that each run `while read -r line`, and know nothing
// of each other. One line is one message.
#include <algorithm>
#include <cstdlib>
#include <set>

#include "options.h"
#include "program_test.h"

namespace ipcdev::conformance {
namespace {

constexpr unsigned depth = 64;

class JobQueue : public ProgramTest {
  protected:
    // Reads line by line, and prints what it got, until it is told to stop.
    static Program worker(const Shell& shell) {
        return run_in(shell, "while read -r line && [ \"$line\" != stop ]; do echo \"got $line\"; "
                             "done < {device}");
    }

    // Writes the lines from one number to another.
    static Program writer(const Shell& shell, int first, int last) {
        return run_in(shell, "i=" + std::to_string(first) + "; while [ $i -le " +
                                 std::to_string(last) +
                                 " ]; do echo \"$i\"; i=$((i + 1)); done > {device}");
    }

    static std::string got(int number) { return "got " + std::to_string(number); }

    // So many by each of the four shells: 10,000 in all on a usual machine.
    static int lines_of_a_shell() {
        return std::max(50, static_cast<int>(2500 / options().slowness));
    }

    static std::vector<Program> each_shell_works() {
        std::vector<Program> workers;
        for (const Shell& shell : shells) {
            workers.push_back(worker(shell));
        }
        return workers;
    }

    // Tells each of the workers to stop. What they got, by all of them.
    std::vector<std::string> stop(std::vector<Program>& workers, Where where = Where::here()) {
        for (std::size_t i = 0; i < workers.size(); ++i) {
            write_ok(a, "stop\n", where);
        }
        std::vector<std::string> lines;
        for (Program& one : workers) {
            ends_well(one, where);
            const std::vector<std::string> its = lines_of(one.output());
            lines.insert(lines.end(), its.begin(), its.end());
        }
        return lines;
    }

    void four_shells_share_the_lines_of(const Shell& shell, Where where = Where::here()) {
        std::vector<std::string> sent;
        for (int i = 1; i <= lines_of_a_shell(); ++i) {
            sent.push_back(got(i));
        }
        std::vector<Program> workers = each_shell_works();
        ends_well(writer(shell, 1, lines_of_a_shell()), where);
        std::vector<std::string> lines = stop(workers, where);
        std::sort(lines.begin(), lines.end());
        std::sort(sent.begin(), sent.end());
        EXPECT_EQ(lines.size(), sent.size());
        EXPECT_TRUE(lines == sent) << "a line is torn, lost or doubled";
        expect_queued(0, 0, where);
    }
};

TEST_F(JobQueue, FourShellsGetEachLineOfBashWholeAndOnce) {
    contract("M1", "R4", "R6", "H5");
    four_shells_share_the_lines_of(bash);
}

TEST_F(JobQueue, FourShellsGetEachLineOfDashWholeAndOnce) {
    contract("M1", "R4", "R6", "H5");
    four_shells_share_the_lines_of(dash);
}

TEST_F(JobQueue, FourShellsGetEachLineOfZshWholeAndOnce) {
    contract("M1", "R4", "R6", "H5");
    four_shells_share_the_lines_of(zsh);
}

TEST_F(JobQueue, FourShellsGetEachLineOfBusyboxWholeAndOnce) {
    contract("M1", "R4", "R6", "H5");
    four_shells_share_the_lines_of(busybox);
}

TEST_F(JobQueue, ARingGivesFourShellsWholeLinesOnceAndTheNewest) {
    contract("M2", "R4", "H5", "I2");
    configure(IPCDEV_MODE_RING, depth, IPCDEV_MESSAGE_DEFAULT);
    const std::uint64_t overwritten_before = stats().messages_overwritten;
    const int early = static_cast<int>(depth) + 16;
    const int count = early + lines_of_a_shell() / 4 * 4;
    ends_well(writer(bash, 1, early)); // the first 16 are overwritten before anybody reads
    EXPECT_EQ(stats().messages_overwritten - overwritten_before, 16U);

    std::vector<Program> workers = each_shell_works();
    const int share = (count - early) / 4;
    std::vector<Program> writers;
    for (int i = 0; i < 4; ++i) {
        const int first = early + i * share + 1;
        writers.push_back(writer(shells[static_cast<std::size_t>(i)], first, first + share - 1));
    }
    for (Program& one : writers) {
        ends_well(one);
    }
    const int last = 50; // with the four words to stop, fewer than depth: nothing drops them
    ends_well(writer(dash, count + 1, count + last));

    const std::vector<std::string> lines = stop(workers);
    const std::set<std::string> distinct(lines.begin(), lines.end());
    EXPECT_EQ(distinct.size(), lines.size()) << "a line is doubled";
    std::set<std::string> sent;
    for (int i = 1; i <= count + last; ++i) {
        sent.insert(got(i));
        EXPECT_TRUE(i <= count || distinct.count(got(i)) == 1) << i << " is among the newest";
    }
    EXPECT_TRUE(std::includes(sent.begin(), sent.end(), distinct.begin(), distinct.end()))
        << "a line is torn";
    EXPECT_EQ(lines.size() + stats().messages_overwritten - overwritten_before, sent.size());
}

TEST_F(JobQueue, AMessageAtATimeByDDIsAJobOfSeveralLines) {
    contract("R2", "R4", "H5");
    const std::string script = "while job=$(dd bs=64k count=1 status=none <&3) && "
                               "[ \"$job\" != stop ]; do echo \"got [$job]\"; done 3< {device}";
    for (const Shell& shell : shells) {
        write_ok(a, "first line\nsecond line\n");
        write_ok(a, "stop\n");
        prints(run_in(shell, script), "got [first line\nsecond line]\n");
    }
}

TEST_F(JobQueue, EachEchoOfALoopIsAMessageInEveryShell) {
    contract("W2", "O4");
    for (const Shell& shell : shells) {
        ends_well(run_in(shell, "for word in one two; do echo $word; done > {device}"));
        expect_queued(2, 8);
        expect_read(a, "one\n");
        expect_read(a, "two\n");
    }
    ends_well(run("exec stdbuf -oL seq 3 > {device}"));
    expect_queued(3, 6);
}

// --- a worker that is killed in the middle of a line

// Takes the first 6 bytes of a line, as a shell that reads byte by byte has after the
// sixth, and stops there.
constexpr auto in_the_middle = "exec 3< {device}; dd bs=6 count=1 status=none <&3; kill -STOP $$";
constexpr auto read_a_line = "IFS= read -r line < {device}; echo \"got [$line]\"";

TEST_F(JobQueue, TheNextWorkerGetsTheRestOfTheLineOfOneThatWasKilled) {
    contract("O3", "R4", "H4");
    for (const Shell& shell : shells) {
        write_ok(a, "job 17 of 20\n");
        write_ok(a, "job 18 of 20\n");
        Program killed = run_in(dash, in_the_middle);
        stops(killed);
        EXPECT_EQ(info().begun_messages, 1U);
        prints(run_in(shell, read_a_line), "got [job 18 of 20]\n"); // whole, meanwhile
        killed.kill();
        prints(run_in(shell, read_a_line), "got [ of 20]\n");
        expect_queued(0, 0);
    }
}

TEST_F(JobQueue, InARingTheRestOfTheLineOfOneThatWasKilledIsDropped) {
    contract("O3", "I2");
    configure(IPCDEV_MODE_RING, depth, IPCDEV_MESSAGE_DEFAULT);
    write_ok(a, "job 17 of 20\n");
    write_ok(a, "job 18 of 20\n");
    const std::uint64_t truncated_before = stats().bytes_truncated;
    Program killed = run_in(dash, in_the_middle);
    stops(killed);
    killed.kill();
    wait_opens(2); // the observer's and the writer's
    prints(run_in(zsh, read_a_line), "got [job 18 of 20]\n");
    EXPECT_EQ(stats().bytes_truncated - truncated_before, std::string(" of 20\n").size());
}

} // namespace
} // namespace ipcdev::conformance
