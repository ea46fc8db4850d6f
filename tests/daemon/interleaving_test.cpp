// SPDX-License-Identifier: MIT
//
// Two daemons in every order: the first one is held, or killed, at each system
// call of its start, and the second one starts meanwhile.
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>

#include "fixture.h"
#include "traced.h"

namespace ipcdev::daemon_tests {

namespace {

// Every stop of the first one's start or end, one of several on a slow machine,
// until there are no more.
void at_each_stop(const std::function<bool(int)>& attempt) {
    const int stride = static_cast<int>(settings().slowness);
    int n = 1;
    while (attempt(n) && !::testing::Test::HasFailure()) {
        n += stride;
    }
    EXPECT_GT(n, 8) << "it can't start or end in so few system calls";
}

struct Start {
    explicit Start(Command command, const std::function<void()>& before_exec = {}) {
        command.environment.push_back(systemd.setting());
        command.before_exec = before_exec;
        daemon = Program(command);
    }
    // Serves, or has refused because of the other one.
    bool serves() {
        const bool ready = becomes_ready(daemon, systemd);
        if (!ready) {
            expect_refusal_of_another(daemon);
        }
        return ready;
    }
    // As far as it gets; it may have to wait for one that is held.
    bool serves_soon() {
        const int a_while_ms = 40 * static_cast<int>(settings().slowness);
        return systemd.receive(daemon, a_while_ms).text.starts_with("READY=1");
    }
    void stop() {
        daemon.signal(SIGTERM);
        EXPECT_EQ(daemon.wait(), 0) << daemon.errors();
    }

    NotifySocket systemd;
    Program daemon;
};

class HeldAtItsStart : public EachTransport {
  protected:
    // Starts one and holds it at its n-th stop, has `meanwhile` done, lets it go.
    // False: it starts in fewer.
    bool hold(int n, const std::function<void(Start& held, Traced& traced)>& meanwhile) {
        Start held(command(), be_traced);
        Traced traced(held.daemon, Traced::Begin::at_exec);
        if (!traced.run_to_stop(n, held.systemd)) {
            traced.release();
            held.stop();
            return false;
        }
        meanwhile(held, traced);
        if (held.daemon.pid() != 0) {
            held.stop();
        }
        if (HasFailure()) {
            ADD_FAILURE() << "held at stop " << n << "\n" << held.daemon.errors();
        }
        expect_nothing_at(device());
        return true;
    }

    // Starts a second one while the first is held; exactly one serves.
    void start_another(Start& held, Traced& traced) {
        Start second(command());
        const bool early = second.serves_soon();
        traced.release();
        const bool second_serves = early || second.serves();
        EXPECT_NE(held.serves(), second_serves) << second.daemon.errors();
        EXPECT_TRUE(passes_messages(device()));
        if (second_serves) {
            second.stop();
        }
    }
};

TEST_P(HeldAtItsStart, AndAnotherStartsMeanwhileThenExactlyOneServes) {
    at_each_stop([&](int n) {
        return hold(n, [&](Start& held, Traced& traced) { start_another(held, traced); });
    });
}

// Both find the mount that a killed one has left.
TEST_P(HeldAtItsStart, AndAnotherStartsAfterAKilledOneThenExactlyOneServes) {
    if (by_cuse()) {
        GTEST_SKIP() << "CUSE leaves nothing of a killed daemon";
    }
    at_each_stop([&](int n) {
        Daemon killed(command());
        kill_with_unmounter(killed);
        return hold(n, [&](Start& held, Traced& traced) { start_another(held, traced); });
    });
}

TEST_P(HeldAtItsStart, AndAnotherComesAndGoesMeanwhileThenItServesOrRefuses) {
    at_each_stop([&](int n) {
        return hold(n, [&](Start& held, Traced& traced) {
            Start second(command());
            if (second.serves_soon()) {
                second.stop();
            }
            traced.release();
            if (second.daemon.pid() != 0 && second.serves()) {
                second.stop();
            }
            if (held.serves()) {
                EXPECT_TRUE(passes_messages(device()));
            }
        });
    });
}

IPCDEV_EACH_TRANSPORT(HeldAtItsStart);

// Held at the very call that takes a stale mount off: it must not be another's by then.
class HeldAtItsUnmount : public RootTest {
  protected:
    void leave_a_stale_mount() const {
        Daemon killed(fuse_command());
        kill_with_unmounter(killed);
    }
    static void run_to_umount(Traced& traced) {
        Traced::Call call;
        do {
            ASSERT_TRUE(traced.next(call));
        } while (!call.is_entry || call.number != SYS_umount2);
    }
};

TEST_F(HeldAtItsUnmount, ItTakesNobodyElsesMountOff) {
    leave_a_stale_mount();
    Start held(fuse_command(), be_traced);
    Traced traced(held.daemon, Traced::Begin::at_exec);
    run_to_umount(traced);
    Start second(fuse_command());
    const bool second_serves = second.serves();
    traced.release();
    EXPECT_NE(held.serves(), second_serves);
    EXPECT_TRUE(passes_messages(file()));
    (second_serves ? second : held).stop();
    expect_nothing_at(file());
}

// The other one sees the stale mount, and then a socket without a mount: neither is
// somebody else's, nor to be removed by hand.
TEST_F(HeldAtItsUnmount, AnotherThatLooksMeanwhileSaysThatItIsServed) {
    at_each_stop([&](int n) {
        leave_a_stale_mount();
        Start held(fuse_command(), be_traced);
        Traced traced(held.daemon, Traced::Begin::at_exec);
        run_to_umount(traced);
        Command looking = fuse_command();
        looking.environment.emplace_back("LSAN_OPTIONS=detect_leaks=0"); // may end while traced
        Start second(looking, be_traced);
        Traced traced_second(second.daemon, Traced::Begin::at_exec);
        const bool reached = traced_second.run_to_stop(n, second.systemd);
        Traced::Call unmounted;
        EXPECT_TRUE(traced.next(unmounted));
        traced_second.release();
        EXPECT_FALSE(second.serves()) << "held at stop " << n;
        traced.release();
        EXPECT_TRUE(held.serves());
        held.stop();
        expect_nothing_at(file());
        return reached;
    });
}

// Killed at its n-th stop, whatever it had started has ended. False: it starts
// in fewer.
bool kill_at_stop(const Command& command, int n) {
    Start killed(command, be_traced);
    Traced traced(killed.daemon, Traced::Begin::at_exec);
    const bool reached = traced.run_to_stop(n, killed.systemd);
    killed.daemon.kill();
    while (waitpid(-1, nullptr, 0) > 0) { // its fusermount3 and its unmounter
    }
    return reached;
}

class KilledAtItsStart : public EachTransport {};

TEST_P(KilledAtItsStart, AndTheNextOneServesAndLeavesNothing) {
    at_each_stop([&](int n) {
        const bool reached = kill_at_stop(command(), n);
        Daemon next(command());
        EXPECT_TRUE(passes_messages(device()));
        EXPECT_EQ(next.stop(), 0);
        expect_nothing_at(device());
        return reached;
    });
}

IPCDEV_EACH_TRANSPORT(KilledAtItsStart);

class AUsersKilledAtItsStart : public UserTest {};

bool nothing_is_mounted_in(const fs::path& folder) {
    const auto all = mounts();
    return std::ranges::none_of(all, [&](const Mount& mount) {
        return mount.path.string().starts_with(folder.string() + "/");
    });
}

TEST_F(AUsersKilledAtItsStart, AndTheNextOneServesAndLeavesNothing) {
    at_each_stop([&](int n) {
        const bool reached = kill_at_stop(user_command(), n);
        EXPECT_TRUE(nothing_is_mounted_in(users_folder())) << "killed at stop " << n;
        Daemon next(user_command());
        EXPECT_EQ(next.stop(), 0);
        expect_nothing_at(users_file());
        return reached;
    });
}

// While fusermount3 is about to mount.
class KilledWhileItIsMounted : public UserTest {
  protected:
    // A fusermount3 that says when it was to mount, waits to be let go, and then looks
    // whether the folder is still there.
    Command held_at_the_mount() {
        const auto bin = folder() / "bin";
        fs::create_directory(bin);
        const auto script = bin / "fusermount3";
        make_file(script, "#!/bin/sh\n"
                          "if [ \"$1\" = -o ]; then\n"
                          "    : > '" +
                              arrived().string() +
                              "'\n"
                              "    until [ -e '" +
                              go().string() +
                              "' ]; do :; done\n"
                              "    for last; do :; done\n"
                              "    [ -d \"$last\" ] || : > '" +
                              gone().string() +
                              "'\n"
                              "fi\n"
                              "PATH=${PATH#*:}\n"
                              "exec fusermount3 \"$@\"\n");
        fs::permissions(script, fs::perms{0755});
        Command command = user_command();
        command.environment.push_back("PATH=" + bin.string() + ":" + std::getenv("PATH"));
        return command;
    }
    fs::path arrived() const { return users_folder() / "arrived"; }
    fs::path go() const { return users_folder() / "go"; }
    fs::path gone() const { return users_folder() / "gone"; }
};

TEST_F(KilledWhileItIsMounted, ItsUnmounterWaitsForTheMountAndTakesItOff) {
    const Command command = held_at_the_mount();
    for (int round = 0; round < rounds(10) && !HasFailure(); ++round) {
        Start killed(command);
        wait_until([&] { return fs::exists(arrived()); });
        killed.daemon.kill();
        make_file(go(), "");
        while (waitpid(-1, nullptr, 0) > 0) { // fusermount3 and the unmounter
        }
        EXPECT_FALSE(fs::exists(gone()));
        EXPECT_TRUE(nothing_is_mounted_in(users_folder()));
        expect_nothing_at(users_folder() / ".ipcdev.ipcdevd");
        fs::remove(arrived());
        fs::remove(go());
    }
}

// Killed in the middle of its end.
class KilledAtItsEnd : public EachTransport {};

TEST_P(KilledAtItsEnd, AndTheNextOneServesAndLeavesNothing) {
    at_each_stop([&](int n) {
        Daemon killed(command());
        bool reached = true;
        {
            Traced traced(killed, Traced::Begin::running);
            killed.signal(SIGTERM);
            Traced::Call call;
            for (int stops = 0; reached && stops < n; ++stops) {
                reached = traced.next(call);
            }
            killed.kill();
        }
        Daemon next(command());
        EXPECT_TRUE(passes_messages(device()));
        EXPECT_EQ(next.stop(), 0);
        expect_nothing_at(device());
        return reached;
    });
}

IPCDEV_EACH_TRANSPORT(KilledAtItsEnd);

} // namespace

} // namespace ipcdev::daemon_tests
