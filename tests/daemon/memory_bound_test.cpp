// SPDX-License-Identifier: MIT
//
// What a daemon holds for messages: how much at most, what becomes of it when they are
// read, and that nobody finds them in a core dump.
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <memory>
#include <new>
#include <regex>
#include <sstream>
#include <thread>

#include "batch_frames.h"
#include "fixture.h"
#include "memory_limit.h"
#include "support/errors.h"
#include "support/sanitizers.h"

namespace ipcdev::daemon_tests {

namespace {

constexpr std::size_t mib = std::size_t{1} << 20U;

// --- how much

class MemoryBound : public EachTransport {
  protected:
    void SetUp() override {
        EachTransport::SetUp();
        if (sanitized) {
            GTEST_SKIP() << "a sanitizer needs memory of its own for each byte";
        }
    }

    // What the daemon no longer needs it gives back after an answer, and before the next call.
    static std::size_t resident(const Daemon& daemon, const Descriptor& opened) {
        static_cast<void>(info(opened));
        return std::stoull(proc_line(daemon.pid(), "status", "VmRSS")) * 1024;
    }
};

// The queue that takes most. Thirty messages of it are a batch.
// Contract: W9
TEST_P(MemoryBound, HoldsTheLongestQueueAndGivesItBackOnceItIsRead) {
    constexpr std::size_t in_a_batch = 30;
    const auto batches = static_cast<std::size_t>(rounds(2184));
    const std::size_t depth = batches * in_a_batch; // 65,520
    Daemon daemon(command({"--depth", std::to_string(depth), "--max-message", "4097"}));
    const Descriptor opened = open_device(device());
    use_batches(opened);
    const std::string batch = frames(std::vector<std::string>(in_a_batch, std::string(4097, 'm')));
    const std::size_t bytes = depth * 4097;
    const std::size_t before = resident(daemon, opened);
    for (std::size_t i = 0; i < batches; ++i) {
        ASSERT_EQ(write_all(opened, batch), 0);
    }
    EXPECT_EQ(write_all(opened, batch), EAGAIN) << "it is full";
    const std::size_t full = resident(daemon, opened);
    EXPECT_GT(full - before, bytes);
    EXPECT_LT(full - before, bytes * 5 / 4 + 16 * mib);
    for (std::size_t i = 0; i < batches; ++i) {
        ASSERT_EQ(read_some(opened, IPCDEV_BATCH_BYTES_MAX).size(), batch.size());
    }
    EXPECT_LT(resident(daemon, opened), before + 24 * mib);
    EXPECT_EQ(daemon.stop(), 0);
}

// What parked writers got, in memory that the tests share with their process.
struct Ends {
    std::atomic<unsigned> without_memory{0};
    std::atomic<unsigned> others{0};
};

// A thread for each, of one process, which ends when it is killed.
Process batch_writers(const fs::path& path, unsigned count, const std::string& batch, Ends& ends) {
    return Process([&] {
        const Descriptor opened = open_device(path, O_RDWR);
        use_batches(opened);
        std::vector<std::thread> threads;
        for (unsigned i = 0; i < count; ++i) {
            threads.emplace_back([&] {
                const ssize_t written = write(opened.get(), batch.data(), batch.size());
                ++(written == -1 && errno == ENOMEM ? ends.without_memory : ends.others);
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        return 0;
    });
}

struct Unmap {
    void operator()(Ends* ends) const { munmap(ends, sizeof(*ends)); }
};

std::unique_ptr<Ends, Unmap> shared_ends() {
    void* place =
        mmap(nullptr, sizeof(Ends), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(place, MAP_FAILED);
    return std::unique_ptr<Ends, Unmap>(new (place) Ends);
}

// Parked batches of the shortest messages are what takes most.
// Contract: W9
TEST_P(MemoryBound, GivesWritersENOMEMWhileReadersGoOn) {
    constexpr unsigned writers = 800;
    const auto ends = shared_ends();
    const std::string batch = frames(std::vector<std::string>(7936, "s"));
    ASSERT_EQ(batch.size(), std::size_t{IPCDEV_BATCH_BYTES_MAX});
    Process parked; // ends after the daemon, whatever happens
    Daemon daemon(command({"--depth", "1"}));
    const Descriptor opened = open_device(device());
    const std::size_t before = resident(daemon, opened);
    ASSERT_EQ(write_all(opened, "first"), 0);
    parked = batch_writers(device(), writers, batch, *ends);
    wait_until([&] {
        return info(opened).parked_writers + ends->without_memory + ends->others == writers;
    });
    EXPECT_EQ(ends->others, 0U);
    EXPECT_GT(ends->without_memory, 0U);
    EXPECT_GT(info(opened).parked_writers, 500U);
    EXPECT_GT(resident(daemon, opened), held_mib_max * mib * 9 / 10);
    EXPECT_LT(resident(daemon, opened), held_mib_max * mib + 64 * mib);

    EXPECT_EQ(read_some(opened), "first");
    EXPECT_EQ(read_some(opened), "s");
    parked.kill();
    wait_for_parked_writers(opened, 0);
    checked(ioctl(opened.get(), IPCDEV_IOC_CLEAR), "IPCDEV_IOC_CLEAR");
    EXPECT_LT(resident(daemon, opened), before + 24 * mib);
    EXPECT_EQ(write_all(opened, "after"), 0);
    EXPECT_EQ(read_some(opened), "after");
    EXPECT_EQ(daemon.stop(), 0);
}

// A process that has begun a message in each of so many opens, and holds them until it is
// killed. For each that it begins it writes one, so that the queue stays as long as it is.
Process slow_readers(const fs::path& path, unsigned opens, const std::string& message, Ends& ends) {
    return Process([&path, opens, &message, &ends] {
        std::vector<Descriptor> all;
        for (unsigned i = 0; i < opens; ++i) {
            all.push_back(open_device(path));
            const bool begun = read_some(all.back(), 1).size() == 1;
            const int error = write_all(all.back(), message);
            if (!begun || (error != 0 && error != ENOMEM)) {
                ++ends.others;
            } else if (error == ENOMEM) {
                ++ends.without_memory;
            }
        }
        pause();
        return 0;
    });
}

// What opens of a ring have begun is beside its depth, a message each; the figure bounds it
// all the same.
// Contract: W9 M2
TEST_P(MemoryBound, HoldsWhatOpensOfARingHaveBegunBesideTheQueue) {
    constexpr unsigned depth = 4096;
    constexpr unsigned processes = 4;
    constexpr unsigned opens = 950; // of each, which may have 1,024
    const auto ends = shared_ends();
    const std::string message(IPCDEV_MESSAGE_MAX, 'r');
    std::vector<Process> readers; // end after the daemon, whatever happens
    Daemon daemon(command({"--mode", "ring", "--depth", std::to_string(depth), "--max-message",
                           std::to_string(IPCDEV_MESSAGE_MAX)}));
    const Descriptor opened = open_device(device());
    const std::size_t before = resident(daemon, opened);
    for (unsigned i = 0; i < depth; ++i) {
        ASSERT_EQ(write_all(opened, message), 0);
    }
    for (unsigned i = 0; i < processes; ++i) {
        readers.push_back(slow_readers(device(), opens, message, *ends));
    }
    wait_until([&] { // each has written after the last that it has begun
        const ipcdev_info now = info(opened);
        return ends->others != 0 || (now.begun_messages == processes * opens &&
                                     now.queued_messages + ends->without_memory == depth);
    });
    EXPECT_EQ(ends->others, 0U);
    EXPECT_GT(ends->without_memory, 0U);
    EXPECT_LT(ends->without_memory, processes * opens / 4);
    EXPECT_EQ(stats(opened).messages_overwritten, 0U) << "a write that fails drops nothing";
    EXPECT_GT(resident(daemon, opened), held_mib_max * mib * 9 / 10);
    EXPECT_LT(resident(daemon, opened), held_mib_max * mib + 64 * mib);

    // Readers go on, and what they finish makes room.
    EXPECT_EQ(write_all(opened, message), ENOMEM);
    EXPECT_EQ(read_some(opened, 1), "r");
    EXPECT_EQ(write_all(opened, message), ENOMEM);
    EXPECT_EQ(read_some(opened), message.substr(1));
    EXPECT_EQ(write_all(opened, message), 0);

    for (Process& reader : readers) {
        reader.kill();
    }
    wait_until([&] { return info(opened).begun_messages == 0; });
    checked(ioctl(opened.get(), IPCDEV_IOC_CLEAR), "IPCDEV_IOC_CLEAR");
    EXPECT_LT(resident(daemon, opened), before + 24 * mib);
    EXPECT_EQ(daemon.stop(), 0);
}

IPCDEV_EACH_TRANSPORT(MemoryBound);

// --- the figure

std::string text_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

class MemoryFigure : public DaemonTest {};

TEST_F(MemoryFigure, IsTheSameInHelpAndTheManualPage) {
    const std::string figure =
        "t most " + std::to_string(held_mib_max) + " MiB are held for messages";
    const std::string help = run(daemon_command({"--help"})).output;
    EXPECT_NE(help.find(figure), std::string::npos) << help;
    EXPECT_NE(text_of(IPCDEV_SOURCES "/docs/man/ipcdevd.8").find(figure), std::string::npos);
    EXPECT_NE(text_of(IPCDEV_SOURCES "/README.md")
                  .find(std::to_string(held_mib_max) + " MiB, then `ENOMEM`"),
              std::string::npos);
}

// Contract: W9
TEST_F(MemoryFigure, IsBelowTheLimitOfTheUnitByWhatTheDaemonItselfNeeds) {
    const std::string unit = text_of(IPCDEV_SOURCES "/packaging/ipcdevd@.service.in");
    std::smatch limit;
    ASSERT_TRUE(std::regex_search(unit, limit, std::regex("\nMemoryMax=([0-9]+)M\n")));
    EXPECT_GE(std::stoul(limit[1]), held_mib_max + 64);
    EXPECT_NE(unit.find("At most " + std::to_string(held_mib_max) + " MiB"), std::string::npos);
}

TEST_F(MemoryFigure, IsNamedWhereALimitOfAddressesIsTooLow) {
    if (sanitized) {
        GTEST_SKIP() << "a sanitizer needs terabytes of addresses";
    }
    Command command = fuse_command();
    command.before_exec = [] {
        const rlimit most{.rlim_cur = 256 * mib, .rlim_max = 256 * mib};
        setrlimit(RLIMIT_AS, &most);
    };
    expect_refusal(run(command), {std::to_string(held_mib_max) + " MiB of messages", "ulimit -v"});
}

// --- core dumps

// A stretch of a process's memory, and whether the kernel leaves it out of a dump.
struct Mapping {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::string name;
    bool is_dumped = true;
};

std::vector<Mapping> mappings(pid_t pid) {
    std::vector<Mapping> all;
    std::ifstream smaps("/proc/" + std::to_string(pid) + "/smaps");
    const std::regex head("([0-9a-f]+)-([0-9a-f]+) r.*");
    std::smatch match;
    for (std::string line; std::getline(smaps, line);) {
        if (std::regex_match(line, match, head)) {
            all.push_back({.begin = std::stoul(match[1], nullptr, 16),
                           .end = std::stoul(match[2], nullptr, 16),
                           .name = line});
        } else if (line.starts_with("VmFlags:") && !all.empty()) {
            all.back().is_dumped = (line + " ").find(" dd ") == std::string::npos;
        }
    }
    return all;
}

// How many mappings have these bytes; each is one that is not dumped.
int expect_in_no_dump(pid_t pid, const std::string& bytes) {
    const Descriptor memory(
        open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(memory.is_open());
    int found = 0;
    for (const Mapping& mapping : mappings(pid)) {
        std::string contents(mapping.end - mapping.begin, '\0');
        const ssize_t got = pread(memory.get(), contents.data(), contents.size(),
                                  static_cast<off_t>(mapping.begin));
        contents.resize(got < 0 ? 0 : static_cast<std::size_t>(got)); // [vvar] can't be read
        if (contents.find(bytes) != std::string::npos) {
            ++found;
            EXPECT_FALSE(mapping.is_dumped) << mapping.name;
        }
    }
    return found;
}

class CoreDumpOfAFullQueue : public EachTransport {
  protected:
    void SetUp() override {
        EachTransport::SetUp();
        if (!is_root()) {
            GTEST_SKIP() << "only root may read the daemon's memory";
        }
        if (sanitized) {
            GTEST_SKIP() << "a sanitizer's memory is too large to look through";
        }
    }
};

TEST_P(CoreDumpOfAFullQueue, HasNoMessageInIt) {
    std::vector<Process> writers; // end after the daemon, whatever happens
    Daemon daemon(command({"--depth", "3", "--max-message", "65536"}));
    const Descriptor opened = open_device(device());
    const Descriptor batches = open_device(device());
    use_batches(batches);
    const std::string secret = "what only its reader is to know, as " + device().string();
    const std::string long_one = std::string(60'000, '.') + secret;

    ASSERT_EQ(write_all(batches, frames({secret, long_one})), 0);
    EXPECT_EQ(read_some(batches, IPCDEV_BATCH_BYTES_MAX), frames({secret, long_one}));
    ASSERT_EQ(write_all(opened, long_one), 0);
    EXPECT_EQ(read_some(opened, 30'000), long_one.substr(0, 30'000));
    ASSERT_EQ(write_all(opened, secret), 0);
    ASSERT_EQ(write_all(opened, secret), 0);
    writers.push_back(writer(device(), long_one));
    wait_for_parked_writers(opened, 1);

    // Mappings that lie beside each other are one.
    EXPECT_GE(expect_in_no_dump(daemon.pid(), secret), 1);
    EXPECT_EQ(daemon.stop(), 0);
}

IPCDEV_EACH_TRANSPORT(CoreDumpOfAFullQueue);

} // namespace

} // namespace ipcdev::daemon_tests
