// SPDX-License-Identifier: MIT
//
// A warm daemon needs no more memory, and one that can't get any says ENOMEM.
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <random>

#include "fixture.h"
#include "payload.h"
#include "support/sanitizers.h"

namespace ipcdev::daemon_tests {

namespace {

std::uint64_t kib(const Daemon& daemon, const std::string& file, const std::string& name) {
    return std::stoull(proc_line(daemon.pid(), file, name));
}

class Memory : public EachTransport {
  protected:
    void SetUp() override {
        EachTransport::SetUp();
        if (sanitized) {
            GTEST_SKIP() << "a sanitizer's malloc keeps what is freed, and ends the daemon "
                            "where there is no memory";
        }
    }

    // What is the daemon's own, in KiB: heap, stack and written data.
    static std::uint64_t own_kib(const Daemon& daemon) {
        return kib(daemon, "smaps_rollup", "Private_Dirty");
    }

    // What is queued at a time, at most.
    static constexpr int deep = 7;

    void pass_messages(const Descriptor& opened, const std::array<std::size_t, deep>& sizes) {
        for (const std::size_t size : sizes) {
            ASSERT_EQ(write_all(opened, std::string_view(bytes_).substr(0, size)), 0);
        }
        for (const std::size_t size : sizes) {
            ASSERT_EQ(read(opened.get(), bytes_.data(), bytes_.size()), static_cast<ssize_t>(size));
        }
    }

    // As many as can ever be queued here, of each size that takes memory of its own.
    void warm_up(const Descriptor& opened) {
        for (std::size_t index = 0; index < PayloadSizes::count; ++index) {
            std::array<std::size_t, deep> sizes{};
            sizes.fill(PayloadSizes::message_bytes(index));
            pass_messages(opened, sizes);
        }
    }

    // Of all sizes; one of sixteen is large.
    void pass_random_messages(const Descriptor& opened, int count) {
        std::minstd_rand random; // the same each time
        for (int i = 0; i < count; i += deep) {
            std::array<std::size_t, deep> sizes{};
            for (std::size_t& size : sizes) {
                size = random() % (random() % 16 == 0 ? bytes_.size() : 1024) + 1;
            }
            pass_messages(opened, sizes);
        }
    }

    // A daemon that gets no memory for messages but what it has from the start.
    [[nodiscard]] Command command_without_slabs(std::vector<std::string> options) const {
        Command refused = command(std::move(options));
        refused.environment.emplace_back("LD_PRELOAD=" IPCDEV_REFUSE_SLABS);
        return refused;
    }

    // From now on the daemon gets no more memory of its own that it can write to.
    static void limit(const Daemon& daemon) {
        const auto now = kib(daemon, "status", "VmData");
        const rlimit most{.rlim_cur = now * 1024, .rlim_max = RLIM_INFINITY};
        set_limit(daemon, most);
    }
    static void lift_limit(const Daemon& daemon) {
        const rlimit most{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
        set_limit(daemon, most);
    }

  private:
    // As the daemon's user, who needs no privilege for it.
    static void set_limit(const Daemon& daemon, const rlimit& most) {
        const auto user = std::stoul(proc_line(daemon.pid(), "status", "Uid"));
        ASSERT_EQ(run_as(static_cast<uid_t>(user),
                         [&] {
                             const int failed = prlimit(daemon.pid(), RLIMIT_DATA, &most, nullptr);
                             return failed == 0 ? 0 : errno;
                         }),
                  0);
    }

    std::string bytes_ = std::string(65536, 'm');
};

TEST_P(Memory, StaysTheSameOverAHundredThousandMessages) {
    Daemon daemon(command({"--max-message", "65536"}));
    const Descriptor opened = open_device(device());
    warm_up(opened);
    pass_random_messages(opened, 1000);
    const auto warm = own_kib(daemon);
    ASSERT_GT(warm, 0U);
    pass_random_messages(opened, rounds(rounds(100'000))); // a slow machine is slowest at this
    EXPECT_LE(own_kib(daemon), warm + 64);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Memory, StaysTheSameOverManyOpensPollsAndParkedCalls) {
    Daemon daemon(command());
    const auto use = [&](int times) {
        for (int i = 0; i < times; ++i) {
            const Descriptor opened = open_device(device());
            Process parked = reader(device());
            wait_for_parked_readers(opened, 1);
            parked.kill();
        }
    };
    use(rounds(100));
    const auto warm = own_kib(daemon);
    use(rounds(400));
    EXPECT_LE(own_kib(daemon), warm + 64);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Memory, OfADeepQueueIsUsedAgainByTheNext) {
    Daemon daemon(command({"--depth", "256", "--max-message", "65536"}));
    const Descriptor opened = open_device(device());
    const std::string large(65536, 'm');
    const auto fill = [&] {
        for (int i = 0; i < 256; ++i) {
            ASSERT_EQ(write_all(opened, large), 0);
        }
    };
    const auto drain = [&] {
        for (int i = 0; i < 256; ++i) {
            ASSERT_EQ(read_some(opened), large);
        }
    };
    // While it is full: malloc gives what is free back to the system when it likes.
    fill();
    const auto once = own_kib(daemon);
    for (int round = 0; round < 2; ++round) {
        drain();
        fill();
    }
    EXPECT_LE(own_kib(daemon), once + 1024);
    EXPECT_EQ(daemon.stop(), 0);
}

// Contract: W9
TEST_P(Memory, ThatIsMissingForAMessageIsENOMEMAndNothingIsLost) {
    Daemon daemon(command_without_slabs({"--depth", "4096", "--max-message", "65536"}));
    const Descriptor opened = open_device(device());
    std::string message(65536, 'm');
    int error = 0;
    unsigned accepted = 0;
    while ((error = write_all(opened, message)) == 0) {
        ++accepted;
    }
    EXPECT_EQ(error, ENOMEM);
    EXPECT_GT(accepted, 100U) << "of 8 MiB";
    EXPECT_EQ(info(opened).queued_messages, accepted);
    EXPECT_EQ(write_all(opened, message), ENOMEM) << "still";
    for (unsigned i = 0; i < accepted; ++i) {
        ASSERT_EQ(read_some(opened), message);
    }
    EXPECT_EQ(write_all(opened, message), 0) << "from what was given back";
    EXPECT_EQ(read_some(opened), message);
    EXPECT_EQ(daemon.stop(), 0) << daemon.errors();
    expect_nothing_at(device());
}

TEST_P(Memory, ThatIsMissingForSmallThingsIsAnErrorToTheClientOnly) {
    Daemon daemon(command_without_slabs({"--depth", "65536"}));
    const Descriptor opened = open_device(device());
    limit(daemon);
    // Messages take all there is, then opens and calls find none.
    const std::string message(1024, 'm');
    int error = 0;
    while ((error = write_all(opened, message)) == 0) {
    }
    EXPECT_EQ(error, ENOMEM);
    std::vector<Descriptor> opens;
    for (int i = 0; i < 1000; ++i) {
        Descriptor another(open(device().c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
        if (!another.is_open()) {
            EXPECT_EQ(errno, ENOMEM);
            break;
        }
        opens.push_back(std::move(another));
    }
    EXPECT_FALSE(daemon.ended()) << daemon.errors();
    lift_limit(daemon);
    opens.clear();
    EXPECT_EQ(read_some(opened), message);
    EXPECT_EQ(write_all(opened, "after"), 0);
    EXPECT_EQ(daemon.stop(), 0) << daemon.errors();
    expect_nothing_at(device());
}

TEST_P(Memory, ThatIsMissingForParkedCallsIsENOMEMToThem) {
    constexpr int count = 400;
    std::vector<Process> readers; // end after the daemon, whatever happens
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    const auto ended = [&] { return std::ranges::count_if(readers, &Process::ended); };
    const auto parked = [&]() -> int {
        ipcdev_info now{};
        now.size = sizeof(now);
        return ioctl(opened.get(), IPCDEV_IOC_INFO, &now) == 0
                   ? static_cast<int>(now.parked_readers)
                   : count; // not even for this
    };
    limit(daemon);
    for (int i = 0; i < count; ++i) {
        readers.push_back(reader(device()));
    }
    wait_until([&] { return ended() > 0 || parked() == count; });
    lift_limit(daemon);
    wait_until([&] { return ended() + parked() == count; });
    EXPECT_EQ(daemon.stop(), 0) << daemon.errors();
    for (Process& each : readers) {
        const Status status = each.wait();
        EXPECT_TRUE(status == ENODEV || status == ENOMEM) << status;
    }
}

IPCDEV_EACH_TRANSPORT(Memory);

} // namespace

} // namespace ipcdev::daemon_tests
