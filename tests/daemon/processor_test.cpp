// SPDX-License-Identifier: MIT
//
// Where the daemon runs and how it waits: --cpu and --spin-us. Neither changes
// what the device does.
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "fixture.h"
#include "support/errors.h"
#include "support/mounts.h"
#include "traced.h"

namespace ipcdev::daemon_tests {

namespace {

// The last processor that the tests may run on.
int last_processor() {
    cpu_set_t allowed;
    checked(sched_getaffinity(0, sizeof(allowed), &allowed), "sched_getaffinity");
    int last = 0;
    for (int i = 0; i < CPU_SETSIZE; ++i) {
        last = CPU_ISSET(i, &allowed) ? i : last;
    }
    return last;
}

class OnOneProcessor : public EachTransport {};

TEST_P(OnOneProcessor, RunsThereOnly) {
    const std::string cpu = std::to_string(last_processor());
    Daemon daemon(command({"--cpu", cpu}));
    EXPECT_EQ(proc_line(daemon.pid(), "status", "Cpus_allowed_list"), cpu);
    EXPECT_TRUE(passes_messages(device()));
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(OnOneProcessor, ThatTheEnvironmentNamesRunsThereOnly) {
    const std::string cpu = std::to_string(last_processor());
    Command by_environment = command();
    by_environment.environment = {"IPCDEV_CPU=" + cpu, "IPCDEV_SPIN_US=1"};
    Daemon daemon(by_environment);
    EXPECT_EQ(proc_line(daemon.pid(), "status", "Cpus_allowed_list"), cpu);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(OnOneProcessor, RunsAnywhereWithoutTheOption) {
    Daemon daemon(command());
    EXPECT_EQ(proc_line(daemon.pid(), "status", "Cpus_allowed_list"),
              proc_line(getpid(), "status", "Cpus_allowed_list"));
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(OnOneProcessor, RefusesOneThatIsNotThereBeforeAnythingIsMade) {
    if (last_processor() == CPU_SETSIZE - 1) {
        GTEST_SKIP() << "this machine has every processor that can be asked for";
    }
    const Outcome outcome = run(command({"--cpu", std::to_string(CPU_SETSIZE - 1)}));
    expect_refusal(outcome, {"can't run on processor 1023", "Cpus_allowed_list"});
    expect_nothing_at(device());
}

IPCDEV_EACH_TRANSPORT(OnOneProcessor);

class Spinning : public EachTransport {
  protected:
    static constexpr const char* ever = "1000000"; // as good as
};

// It looks again and again, without sleeping, and sleeps at last.
TEST_P(Spinning, AsksTheKernelAgainAndAgainAndThenSleeps) {
    Daemon daemon(command({"--spin-us", "20000"}));
    Traced traced(daemon, Traced::Begin::running);
    Traced::Call call;
    int looks = 0;
    bool sleeps = false;
    Process client([&] { return try_open(device()); }); // wakes it
    while (!sleeps || looks == 0) {
        ASSERT_TRUE(traced.next(call));
        looks += !call.is_entry && call.result == -EAGAIN ? 1 : 0;
        sleeps = call.is_entry && (call.number == SYS_poll || call.number == SYS_ppoll);
    }
    EXPECT_GT(looks, 3);
    traced.release();
    EXPECT_EQ(client.wait(), 0);
    EXPECT_TRUE(passes_messages(device()));
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Spinning, PassesMessagesToReadersAndWritersThatPark) {
    Daemon daemon(command({"--spin-us", "50", "--depth", "1"}));
    const Descriptor opened = open_device(device(), O_RDWR);
    Process reader([&] {
        for (int i = 0; i < 500; ++i) {
            if (read_some(opened) != std::to_string(i)) {
                return 1;
            }
        }
        return 0;
    });
    for (int i = 0; i < 500; ++i) {
        ASSERT_EQ(write_all(opened, std::to_string(i)), 0);
    }
    EXPECT_EQ(reader.wait(), 0);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Spinning, IsEndedByASigtermMeanwhile) {
    Daemon daemon(command({"--spin-us", ever}));
    EXPECT_TRUE(passes_messages(device()));
    daemon.signal(SIGTERM);
    EXPECT_TRUE(daemon.ends_within(900'000L * settings().slowness)) << "after its spinning only";
    EXPECT_EQ(daemon.wait(), 0);
    expect_nothing_at(device());
}

TEST_P(Spinning, IsEndedByASigtermWhenItSleepsAfterwards) {
    Daemon daemon(command({"--spin-us", "1"}));
    EXPECT_TRUE(passes_messages(device()));
    wait_until([&] {
        const auto sleeps_in = system_call_of(daemon.pid());
        return sleeps_in.empty() || sleeps_in == std::to_string(SYS_poll);
    });
    EXPECT_EQ(daemon.stop(), 0);
    expect_nothing_at(device());
}

TEST_P(Spinning, IsEndedByAnUnmount) {
    if (by_cuse()) {
        GTEST_SKIP() << "nothing is mounted";
    }
    Daemon daemon(command({"--spin-us", ever}));
    unmount(device());
    EXPECT_EQ(daemon.wait(), 0) << daemon.errors();
}

IPCDEV_EACH_TRANSPORT(Spinning);

} // namespace

} // namespace ipcdev::daemon_tests
