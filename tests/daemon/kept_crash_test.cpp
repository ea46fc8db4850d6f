// SPDX-License-Identifier: MIT
//
// ipcdevd --keep, whose serving processes crash in one certain request: two in a row, and it gets
// EIO; nobody else notices. What is preloaded makes them crash (crash_at.c).
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <initializer_list>
#include <iterator>
#include <string>
#include <system_error>

#include "crash_at.h"
#include "fixture.h"
#include "support/errors.h"
#include "support/proc.h"
#include "support/sanitizers.h"

namespace ipcdev::daemon_tests {

namespace {

constexpr std::size_t poison_bytes = 777; // no other request of these tests has this size
constexpr unsigned answer_header = 16;

class Crash : public EachTransport {
  protected:
    void SetUp() override {
        EachTransport::SetUp();
        if (sanitized) {
            GTEST_SKIP() << "what is preloaded must be the sanitizer's";
        }
    }
    void TearDown() override {
        if (plan_ != nullptr) {
            munmap(plan_, sizeof(*plan_));
        }
        EachTransport::TearDown();
    }

    Command crashing_command(std::vector<std::string> options = {}) {
        const auto path = folder() / "plan";
        make_file(path, std::string(sizeof(*plan_), '\0'));
        checked(chmod(path.c_str(), 0666), "chmod");
        const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
        void* place =
            mmap(nullptr, sizeof(*plan_), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
        checked(place == MAP_FAILED ? -1 : 0, "mmap");
        plan_ = static_cast<ipcdev_crash*>(place);
        options.emplace_back("--keep");
        Command crashing = command(std::move(options));
        crashing.environment.push_back("LD_PRELOAD=" IPCDEV_CRASH_AT);
        crashing.environment.push_back("IPCDEV_CRASH=" + path.string());
        crashing.before_exec = [] {
            const rlimit none{};
            setrlimit(RLIMIT_CORE, &none);
        };
        return crashing;
    }

    // From now on a process that handles a write of that size gets the next of these signals.
    void crash_in_write(std::initializer_list<int> signals) {
        plan(static_cast<unsigned>(poison_bytes), 0, signals);
    }
    // Likewise one that answers with so many bytes.
    void crash_in_answer(std::size_t bytes, std::initializer_list<int> signals) {
        plan(0, static_cast<unsigned>(answer_header + bytes), signals);
    }

    [[nodiscard]] std::string poison() const { return std::string(poison_bytes, 'p'); }

    void expect_crashes(const Descriptor& opened, unsigned crashes) const {
        EXPECT_EQ(static_cast<unsigned>(plan_->next), crashes);
        EXPECT_EQ(info(opened).generation, crashes);
    }

    static void expect_in_log(const Daemon& daemon, const std::string& sentence, bool is_there) {
        EXPECT_EQ(daemon.errors().find(sentence) != std::string::npos, is_there) << daemon.errors();
    }

  private:
    void plan(unsigned copied, unsigned answer, std::initializer_list<int> signals) {
        *plan_ = {};
        std::ranges::copy(signals, std::begin(plan_->signals));
        plan_->copied_bytes = copied;
        plan_->answer_bytes = answer;
    }

    ipcdev_crash* plan_ = nullptr;
};

const std::string sentence = "made 2 processes crash, one after the other";

TEST_P(Crash, OfTwoInOneWriteGivesItEIOAndAParkedReaderDoesNotNotice) {
    Daemon daemon(crashing_command());
    const Descriptor opened = open_device(device());
    Process parked = reader(device());
    wait_for_parked_readers(opened, 1);
    crash_in_write({SIGSEGV, SIGABRT});
    EXPECT_EQ(write_all(opened, poison()), EIO);
    EXPECT_FALSE(parked.ended());
    EXPECT_EQ(info(opened).parked_readers, 1U);
    EXPECT_EQ(stats(opened).messages_written, 0U) << "it had no effect";
    expect_in_log(daemon, "handling request", true);
    expect_in_log(daemon, sentence + ": it gets EIO", true);
    EXPECT_EQ(write_all(opened, "x"), 0);
    EXPECT_EQ(parked.wait(), 0);
    expect_crashes(opened, 2);
    EXPECT_EQ(write_all(opened, poison()), 0) << "no process crashes in it any more";
    EXPECT_EQ(read_some(opened), poison());
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Crash, OfTwoInOneWriteLeavesTheQueueAndAParkedWriterAlone) {
    Daemon daemon(crashing_command({"--depth", "2"}));
    const Descriptor opened = open_device(device());
    EXPECT_EQ(write_all(opened, "first"), 0);
    EXPECT_EQ(write_all(opened, "second"), 0);
    Process parked = writer(device(), "third");
    wait_for_parked_writers(opened, 1);
    crash_in_write({SIGBUS, SIGFPE});
    EXPECT_EQ(write_all(opened, poison()), EIO) << "not EAGAIN: the device never saw it";
    EXPECT_EQ(read_some(opened), "first");
    EXPECT_EQ(parked.wait(), 0);
    EXPECT_EQ(read_some(opened), "second");
    EXPECT_EQ(read_some(opened), "third");
    expect_crashes(opened, 2);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Crash, OfOneInAWriteIsNotNoticed) {
    Daemon daemon(crashing_command());
    const Descriptor opened = open_device(device());
    crash_in_write({SIGSEGV});
    EXPECT_EQ(write_all(opened, poison()), 0);
    EXPECT_EQ(read_some(opened), poison());
    expect_crashes(opened, 1);
    expect_in_log(daemon, sentence, false);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Crash, OfOneInEachOfTwoWritesIsNotNoticed) {
    Daemon daemon(crashing_command());
    const Descriptor opened = open_device(device());
    for (int i = 0; i < 2; ++i) {
        crash_in_write({SIGSEGV});
        EXPECT_EQ(write_all(opened, poison()), 0);
        EXPECT_EQ(read_some(opened), poison());
    }
    expect_in_log(daemon, sentence, false);
    EXPECT_EQ(info(opened).generation, 2U);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Crash, IsNotWhatSIGKILLDoes) {
    Daemon daemon(crashing_command());
    const Descriptor opened = open_device(device());
    crash_in_write({SIGSEGV, SIGKILL, SIGKILL});
    EXPECT_EQ(write_all(opened, poison()), 0);
    EXPECT_EQ(read_some(opened), poison());
    expect_crashes(opened, 3);
    expect_in_log(daemon, sentence, false);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Crash, CountsAlthoughSIGKILLCameInBetween) {
    Daemon daemon(crashing_command());
    const Descriptor opened = open_device(device());
    crash_in_write({SIGSEGV, SIGKILL, SIGSEGV});
    EXPECT_EQ(write_all(opened, poison()), EIO);
    expect_crashes(opened, 3);
    expect_in_log(daemon, sentence, true);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Crash, OfTwoThatAnswerAReadGivesItEIOAndTheMessageIsGone) {
    Daemon daemon(crashing_command());
    const Descriptor opened = open_device(device());
    EXPECT_EQ(write_all(opened, poison()), 0);
    EXPECT_EQ(write_all(opened, "next"), 0);
    crash_in_answer(poison_bytes, {SIGSEGV, SIGSEGV});
    std::string room(65536, '\0');
    EXPECT_EQ(read(opened.get(), room.data(), room.size()), -1);
    EXPECT_EQ(errno, EIO);
    expect_in_log(daemon, "answering what was due after request", true);
    expect_in_log(daemon, sentence + ": the client that was to be answered gets EIO", true);
    EXPECT_EQ(info(opened).queued_messages, 1U);
    EXPECT_EQ(read_some(opened), "next");
    EXPECT_EQ(stats(opened).messages_read, 2U);
    expect_crashes(opened, 2);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Crash, OfTwoThatAnswerAParkedReaderLeavesItsWriterAlone) {
    Daemon daemon(crashing_command());
    const Descriptor opened = open_device(device());
    Process parked([&] {
        const Descriptor mine = open_device(device(), O_RDONLY);
        std::string room(65536, '\0');
        return read(mine.get(), room.data(), room.size()) == -1 ? errno : 0;
    });
    wait_for_parked_readers(opened, 1);
    crash_in_answer(poison_bytes, {SIGSEGV, SIGSEGV});
    EXPECT_EQ(write_all(opened, poison()), 0);
    EXPECT_EQ(parked.wait(), EIO);
    EXPECT_EQ(write_all(opened, "x"), 0);
    EXPECT_EQ(read_some(opened), "x");
    expect_crashes(opened, 2);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Crash, OfTwoThatAnswerAnIoctlGivesItEIO) {
    Daemon daemon(crashing_command());
    const Descriptor opened = open_device(device());
    EXPECT_EQ(write_all(opened, "x"), 0);
    crash_in_answer(16 + sizeof(ipcdev_stats), {SIGSEGV, SIGSEGV});
    EXPECT_THROW(static_cast<void>(stats(opened)), std::system_error);
    EXPECT_EQ(stats(opened).messages_written, 1U);
    EXPECT_EQ(read_some(opened), "x");
    expect_crashes(opened, 2);
    EXPECT_EQ(daemon.stop(), 0);
}

// libfuse has answered the last request, and the device does not know of it.
TEST_P(Crash, OfTwoThatHaveNothingToDoIsNobodysFault) {
    Daemon daemon(crashing_command());
    const Descriptor opened = open_device(device());
    for (unsigned crashes = 0; crashes < 2; ++crashes) {
        // One that dies before it has taken over counts for nothing.
        wait_until([&] { return info(opened).generation == crashes; });
        struct stat status {};
        checked(stat(device().c_str(), &status), "stat"); // the last thing it does, by FUSE
        kill(server_of(daemon), SIGSEGV);
    }
    wait_until([&] { return info(opened).generation == 2; });
    expect_in_log(daemon, sentence, false);
    EXPECT_EQ(write_all(opened, "x"), 0);
    EXPECT_EQ(read_some(opened), "x");
    EXPECT_EQ(daemon.stop(), 0);
}

IPCDEV_EACH_TRANSPORT(Crash);

class Kills : public EachTransport {};

TEST_P(Kills, OfServersThatOnlyWaitAreNoReasonToGiveUp) {
    Daemon daemon(command({"--keep"}));
    pid_t server = 0;
    for (int kills = 0; kills < 12; ++kills) {
        server = next_server_of(daemon, server);
        wait_until([&] { return system_call_of(server) == std::to_string(SYS_read); });
        kill(server, SIGKILL);
    }
    EXPECT_TRUE(passes_messages(device()));
    EXPECT_EQ(daemon.stop(), 0);
}

IPCDEV_EACH_TRANSPORT(Kills);

} // namespace

} // namespace ipcdev::daemon_tests
