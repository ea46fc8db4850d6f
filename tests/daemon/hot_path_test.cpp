// SPDX-License-Identifier: MIT
//
// What a message costs the daemon: for its write and for its read one read() of
// the request and one write() of the answer each, and no memory.
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include "batch_frames.h"
#include "fixture.h"
#include "support/errors.h"
#include "support/sanitizers.h"
#include "traced.h"

namespace ipcdev::daemon_tests {

namespace {

// A process that waits for a word, so that what it does comes after what is to
// look at it.
class Told : public Process {
  public:
    explicit Told(const std::function<int()>& body) {
        std::array<int, 2> go{};
        checked(pipe2(go.data(), O_CLOEXEC), "pipe2");
        const Descriptor word(go[0]);
        word_ = Descriptor(go[1]);
        static_cast<Process&>(*this) = Process([&] {
            char byte = 0;
            word_.close();
            return read(word.get(), &byte, 1) == 1 ? body() : 1;
        });
    }
    void go() const { checked(write(word_.get(), "g", 1), "write"); }

  private:
    Descriptor word_;
};

// For this process and what it starts.
void allow_opens(rlim_t files) {
    rlimit limit{};
    checked(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, files));
    checked(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

class HotPath : public EachTransport {
  protected:
    static constexpr int messages = 100;

    // Counts the daemon's system calls until it has answered that many requests.
    static std::map<std::uint64_t, int> calls_of(Traced& traced, int answers) {
        std::map<std::uint64_t, int> calls;
        Traced::Call call;
        bool answering = false;
        while (answers > 0) {
            if (!traced.next(call)) {
                ADD_FAILURE() << "the daemon ended";
                break;
            }
            if (call.is_entry) {
                ++calls[call.number];
                answering = call.number == SYS_write || call.number == SYS_writev;
            } else if (answering) {
                --answers;
            }
        }
        return calls;
    }

    static void expect_two_each(const std::map<std::uint64_t, int>& calls, int requests) {
        for (const auto& [number, count] : calls) {
            if (number == SYS_read) {
                // The one that it slept in when the tracing began is begun anew.
                EXPECT_GE(count, requests);
                EXPECT_LE(count, requests + 1);
            } else if (number == SYS_write) {
                EXPECT_EQ(count, requests);
            } else {
                ADD_FAILURE() << count << " times system call " << number;
            }
        }
    }

    // Of writes of `bytes`, each followed by a read that gets them.
    static void expect_two_for_each_of(pid_t server, const Descriptor& opened,
                                       const std::string& bytes) {
        Told client([&] {
            for (int i = 0; i < messages; ++i) {
                if (write_all(opened, bytes) != 0 || read_some(opened) != bytes) {
                    return 1;
                }
            }
            return 0;
        });
        {
            Traced traced(server, Traced::Begin::running);
            client.go();
            expect_two_each(calls_of(traced, 2 * messages), 2 * messages);
        }
        EXPECT_EQ(client.wait(), 0);
    }
};

TEST_P(HotPath, TakesTwoSystemCallsForEachRequest) {
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    expect_two_for_each_of(daemon.pid(), opened, std::string(1000, 't'));
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(HotPath, TakesTwoSystemCallsForEachRequestOfAServerThatIsKept) {
    Daemon keeper(command({"--keep"}));
    const Descriptor opened = open_device(device());
    const std::string bytes(1000, 't');
    ASSERT_EQ(write_all(opened, bytes), 0);
    ASSERT_EQ(read_some(opened), bytes); // now it has the memory for such messages
    expect_two_for_each_of(server_of(keeper), opened, bytes);
    EXPECT_EQ(keeper.stop(), 0);
}

TEST_P(HotPath, TakesTwoSystemCallsForEachRequestOfClientsThatPark) {
    Daemon daemon(command({"--depth", "1"}));
    const Descriptor opened = open_device(device(), O_RDWR);
    const auto reads = [&] {
        for (int i = 0; i < messages; ++i) {
            if (read_some(opened) != "m") {
                return 1;
            }
        }
        return 0;
    };
    const auto writes = [&] {
        for (int i = 0; i < messages; ++i) {
            if (write_all(opened, "m") != 0) {
                return 1;
            }
        }
        return 0;
    };
    std::map<std::uint64_t, int> calls;
    Told reader(reads);
    Told writer(writes);
    {
        Traced traced(daemon, Traced::Begin::running);
        reader.go();
        writer.go();
        calls = calls_of(traced, 2 * messages);
    }
    // The time of each call that parks, where the machine's clock takes a system call.
    const ipcdev_stats now = stats(opened);
    EXPECT_LE(calls[SYS_clock_gettime], static_cast<int>(now.reader_parks + now.writer_parks));
    calls.erase(SYS_clock_gettime);
    expect_two_each(calls, 2 * messages);
    EXPECT_EQ(reader.wait(), 0);
    EXPECT_EQ(writer.wait(), 0);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(HotPath, TakesTwoSystemCallsForEachRequestOfABatch) {
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    use_batches(opened);
    expect_two_for_each_of(daemon.pid(), opened, frames({"one", "two", "three"}));
    EXPECT_EQ(daemon.stop(), 0);
}

// Opens that nobody polls cost a message nothing.
TEST_P(HotPath, TellsOnlyOpensThatArePolled) {
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    std::vector<Descriptor> idle;
    idle.reserve(20);
    for (int i = 0; i < 20; ++i) {
        idle.push_back(open_device(device()));
    }
    pollfd asked{.fd = idle.front().get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&asked, 1, 1), 0) << "waits, so that the daemon is to tell it";
    Told client([&] { return write_all(opened, "m"); });
    {
        Traced traced(daemon, Traced::Begin::running);
        client.go();
        auto calls = calls_of(traced, 2);
        EXPECT_EQ(calls[SYS_write], 2) << "the answer, and the notice";
    }
    EXPECT_EQ(client.wait(), 0);
    EXPECT_EQ(daemon.stop(), 0);
}

// Nor do opens that polled once: they are told of one event, and asked no more until
// they poll again.
TEST_P(HotPath, TakesTwoSystemCallsForEachRequestBesideManyOpensThatPolledOnce) {
    constexpr unsigned many = 1000;
    allow_opens(many + 100);
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    std::vector<Descriptor> once;
    std::vector<pollfd> asked;
    for (unsigned i = 0; i < many; ++i) {
        once.push_back(open_device(device()));
        asked.push_back({.fd = once.back().get(), .events = POLLIN, .revents = 0});
    }
    ASSERT_EQ(poll(asked.data(), asked.size(), 1), 0) << "waits, so that the daemon is to tell it";
    ASSERT_EQ(write_all(opened, "tells them all"), 0);
    ASSERT_EQ(read_some(opened), "tells them all");
    expect_two_for_each_of(daemon.pid(), opened, "tells nobody");
    EXPECT_EQ(daemon.stop(), 0);
}

IPCDEV_EACH_TRANSPORT(HotPath);

class AllocationsOf : public EachTransport {
  protected:
    void SetUp() override {
        EachTransport::SetUp();
        if (sanitized) {
            GTEST_SKIP() << "malloc is the sanitizer's";
        }
    }

    // A daemon whose allocations are counted in `count()`.
    Command counted_command(const std::vector<std::string>& options = {}) {
        const auto path = folder() / "allocations";
        make_file(path, std::string(sizeof(std::uint64_t), '\0'));
        const Descriptor counts(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        void* place = mmap(nullptr, sizeof(std::uint64_t), PROT_READ, MAP_SHARED, counts.get(), 0);
        checked(place == MAP_FAILED ? -1 : 0, "mmap");
        count_ = static_cast<const volatile std::uint64_t*>(place);
        Command counted = command(options);
        counted.environment = {"LD_PRELOAD=" IPCDEV_COUNT_ALLOCATIONS,
                               "IPCDEV_COUNT_ALLOCATIONS=" + path.string()};
        return counted;
    }
    void TearDown() override {
        if (count_ != nullptr) {
            munmap(const_cast<std::uint64_t*>(count_), sizeof(std::uint64_t));
        }
        EachTransport::TearDown();
    }
    [[nodiscard]] std::uint64_t count() const { return *count_; }
    void expect_none_per_message(const std::vector<std::string>& options) {
        Daemon daemon(counted_command(options));
        ASSERT_GT(count(), 0U) << "it is not counted";
        const Descriptor opened = open_device(device());
        const std::string bytes(65536, 'm');
        const auto pass = [&](std::size_t size) {
            ASSERT_EQ(write_all(opened, std::string_view(bytes).substr(0, size)), 0);
            ASSERT_EQ(write_all(opened, "another"), 0);
            ASSERT_EQ(read_some(opened, size).size(), size);
            ASSERT_EQ(read_some(opened), "another");
        };
        for (std::size_t size = 64; size <= bytes.size(); size *= 2) {
            pass(size);
        }
        pass(7);
        const auto warm = count();
        for (int i = 0; i < rounds(1000); ++i) {
            pass(static_cast<std::size_t>(i) * 97 % bytes.size() + 1);
        }
        EXPECT_EQ(count() - warm, 0U) << "over " << 2 * rounds(1000) << " messages";
        EXPECT_EQ(daemon.stop(), 0);
    }

  private:
    const volatile std::uint64_t* count_ = nullptr;
};

TEST_P(AllocationsOf, AWarmDaemonAreNonePerMessage) {
    expect_none_per_message({"--max-message", "65536"});
}

TEST_P(AllocationsOf, AWarmServerThatIsKeptAreNonePerMessage) {
    expect_none_per_message({"--max-message", "65536", "--keep"});
}

TEST_P(AllocationsOf, AWarmDaemonAreNonePerBatch) {
    Daemon daemon(counted_command());
    ASSERT_GT(count(), 0U) << "it is not counted";
    const Descriptor opened = open_device(device());
    use_batches(opened);
    const std::vector<std::string> messages(IPCDEV_DEPTH_DEFAULT, std::string(1000, 'm'));
    const std::string batch = frames(messages);
    const auto pass = [&] {
        ASSERT_EQ(write_all(opened, batch), 0);
        ASSERT_EQ(read_some(opened), batch);
    };
    pass();
    const auto warm = count();
    for (int i = 0; i < rounds(100); ++i) {
        pass();
    }
    EXPECT_EQ(count() - warm, 0U) << "over " << rounds(100) << " batches";
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(AllocationsOf, AWarmDaemonAreNonePerCallThatParks) {
    Daemon daemon(counted_command({"--depth", "1"}));
    const Descriptor opened = open_device(device(), O_RDWR);
    const auto pass = [&](int messages) {
        Process reader([&] {
            for (int i = 0; i < messages; ++i) {
                if (read_some(opened) != "m") {
                    return 1;
                }
            }
            return 0;
        });
        for (int i = 0; i < messages; ++i) {
            EXPECT_EQ(write_all(opened, "m"), 0);
        }
        EXPECT_EQ(reader.wait(), 0);
    };
    const auto parks = [&] {
        const ipcdev_stats now = stats(opened);
        return now.reader_parks + now.writer_parks;
    };
    // As much as it can ever need for these: a full queue and one who waits.
    ASSERT_EQ(write_all(opened, "m"), 0);
    Process late = writer(device(), "m");
    wait_for_parked_writers(opened, 1);
    ASSERT_EQ(read_some(opened), "m");
    ASSERT_EQ(read_some(opened), "m");
    EXPECT_EQ(late.wait(), 0);
    wait_until([&] { return info(opened).opens == 1; });
    const auto parked = parks();
    const auto warm = count();
    pass(rounds(2000));
    EXPECT_EQ(count() - warm, 0U) << "over " << rounds(2000) << " messages";
    EXPECT_GT(parks(), parked);
    EXPECT_EQ(daemon.stop(), 0);
}

IPCDEV_EACH_TRANSPORT(AllocationsOf);

} // namespace

} // namespace ipcdev::daemon_tests
