// SPDX-License-Identifier: MIT
//
// readv and writev of more segments than the kernel sends in one request: it
// splits the call, and the parts must not mix messages or wait.
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "fixture.h"

namespace ipcdev::daemon_tests {

namespace {

constexpr std::size_t segment_bytes = 100;

std::string pattern(std::size_t bytes, char first) {
    std::string text(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) {
        text[i] = static_cast<char>(first + static_cast<char>(i / segment_bytes % 16));
    }
    return text;
}

// Aligned, so that none crosses the end of a page: each takes one page of a request, and a
// request has as many of them as it may have pages.
struct alignas(128) Segment {
    std::array<char, segment_bytes> bytes;
};

std::vector<iovec> vector_of(std::vector<Segment>& segments) {
    std::vector<iovec> all;
    for (Segment& each : segments) {
        all.push_back({.iov_base = each.bytes.data(), .iov_len = each.bytes.size()});
    }
    return all;
}

std::string readv_segments(const Descriptor& device, std::size_t count) {
    std::vector<Segment> segments(count);
    const auto all = vector_of(segments);
    const ssize_t got = readv(device.get(), all.data(), static_cast<int>(all.size()));
    std::string text;
    for (const Segment& each : segments) {
        text.append(each.bytes.begin(), each.bytes.end());
    }
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
}

// Requires: whole segments.
ssize_t writev_segments(const Descriptor& device, const std::string& text) {
    std::vector<Segment> segments(text.size() / segment_bytes);
    for (std::size_t i = 0; i < segments.size(); ++i) {
        text.copy(segments[i].bytes.data(), segment_bytes, i * segment_bytes);
    }
    const auto all = vector_of(segments);
    return writev(device.get(), all.data(), static_cast<int>(all.size()));
}

class Segments : public EachTransport {
  protected:
    // More than one request can have: 32 pages by CUSE, 256 by a FUSE file.
    [[nodiscard]] std::size_t many() const { return by_cuse() ? 40 : 300; }
    [[nodiscard]] std::string message(char first = 'a') const {
        return pattern(many() * segment_bytes, first);
    }
    // So much of it comes in the first request.
    [[nodiscard]] std::size_t first_part() const { return (by_cuse() ? 32 : 256) * segment_bytes; }
    [[nodiscard]] Command served() const { return command({"--max-message", "65536"}); }

    // By a process each, which share the open: the first one is a read of many, the others
    // have sent their requests before it sends its second one. They exit with 0 if they get
    // what is expected.
    struct Reader {
        std::string expected;
        std::size_t count; // of a read; 0: a read of many
    };
    void read_behind_a_first_part(Daemon& daemon, const Descriptor& shared,
                                  const std::vector<Reader>& wanted) {
        daemon.signal(SIGSTOP);
        std::vector<Process> readers;
        for (const Reader& each : wanted) {
            Process& reader = readers.emplace_back([&] {
                const std::string got = each.count == 0 ? readv_segments(shared, many())
                                                        : read_some(shared, each.count);
                return got == each.expected ? 0 : 1;
            });
            const auto call = std::to_string(each.count == 0 ? SYS_readv : SYS_read);
            wait_until([&] { return system_call_of(reader.pid()) == call; });
        }
        daemon.signal(SIGCONT);
        for (Process& each : readers) {
            EXPECT_EQ(each.wait(), 0);
        }
    }
};

TEST_P(Segments, AReadOfManyGetsTheMessageWholeOrAShortReadAndTheRestNext) {
    Daemon daemon(served());
    const Descriptor opened = open_device(device());
    ASSERT_EQ(write_all(opened, message()), 0);
    std::string text = readv_segments(opened, many());
    ASSERT_FALSE(text.empty());
    while (text.size() < message().size()) {
        text += read_some(opened);
    }
    EXPECT_EQ(text, message());
    EXPECT_EQ(info(opened).queued_messages, 0U);
    EXPECT_EQ(stats(opened).messages_read, 1U);
}

TEST_P(Segments, AReadOfManyNeverGetsBytesOfTwoMessages) {
    Daemon daemon(served());
    const Descriptor opened = open_device(device());
    const std::string first = pattern(segment_bytes * many() - 850, 'a');
    ASSERT_EQ(write_all(opened, first), 0);
    ASSERT_EQ(write_all(opened, message('A')), 0);
    std::string text = readv_segments(opened, many());
    ASSERT_FALSE(text.empty());
    EXPECT_EQ(text, first.substr(0, text.size()));
}

TEST_P(Segments, AReadOfManyWithAMessageThatEndsWhereItIsSplitDoesNotPark) {
    Daemon daemon(served());
    const Descriptor nonblocking = open_device(device());
    const Descriptor blocking = open_device(device(), O_RDWR);
    for (const std::size_t bytes : {first_part() - 1, first_part(), first_part() + 1}) {
        ASSERT_EQ(write_all(nonblocking, pattern(bytes, 'a')), 0);
        std::string text = readv_segments(blocking, many()); // would hang until the watchdog
        ASSERT_FALSE(text.empty());
        while (text.size() < bytes) {
            text += read_some(nonblocking);
        }
        EXPECT_EQ(text, pattern(bytes, 'a'));
        EXPECT_EQ(info(nonblocking).parked_readers, 0U);
    }
}

TEST_P(Segments, AReadOfManyGetsItsWholeMessageBesideReadersWithOpensOfTheirOwn) {
    Daemon daemon(served());
    const Descriptor opened = open_device(device());
    const Descriptor other = open_device(device());
    ASSERT_EQ(write_all(opened, message()), 0);
    ASSERT_EQ(write_all(opened, message('A')), 0);
    EXPECT_EQ(read_some(opened, 1), message().substr(0, 1));
    EXPECT_EQ(read_some(other, 1), message('A').substr(0, 1));
    EXPECT_EQ(readv_segments(opened, many()), message().substr(1));
    EXPECT_EQ(readv_segments(other, many()), message('A').substr(1));
}

TEST_P(Segments, AReadOfManyEndsWhereAnotherOfItsOpenGotTheNextBytes) {
    Daemon daemon(served());
    const Descriptor opened = open_device(device(), O_RDWR);
    ASSERT_EQ(write_all(opened, message()), 0);
    const std::size_t part = first_part();
    read_behind_a_first_part(daemon, opened,
                             {{message().substr(0, part), 0}, {message().substr(part, 300), 300}});
    EXPECT_EQ(read_some(opened), message().substr(part + 300));
}

// One gets the rest, and one begins the next message.
TEST_P(Segments, AReadOfManyGetsNothingOfWhatItsOpenHasBegunSince) {
    Daemon daemon(served());
    const Descriptor opened = open_device(device(), O_RDWR);
    ASSERT_EQ(write_all(opened, message()), 0);
    ASSERT_EQ(write_all(opened, message('A')), 0);
    const std::size_t part = first_part();
    read_behind_a_first_part(daemon, opened,
                             {{message().substr(0, part), 0},
                              {message().substr(part), 65536},
                              {message('A').substr(0, part), part}});
    EXPECT_EQ(read_some(opened), message('A').substr(part));
}

TEST_P(Segments, AParkedReadOfManyIsAnsweredByOneMessage) {
    Daemon daemon(served());
    const Descriptor opened = open_device(device());
    Process parked([&] {
        const Descriptor blocking = open_device(device(), O_RDWR);
        const std::string text = readv_segments(blocking, many());
        return !text.empty() && text == message().substr(0, text.size()) ? 0 : 1;
    });
    wait_for_parked_readers(opened, 1);
    ASSERT_EQ(write_all(opened, message()), 0);
    EXPECT_EQ(parked.wait(), 0);
}

TEST_P(Segments, TwoReadersOfManyNeverMixTheirMessages) {
    Daemon daemon(served());
    std::vector<Process> readers;
    for (int i = 0; i < 2; ++i) {
        readers.emplace_back([&] {
            const Descriptor blocking = open_device(device(), O_RDWR);
            for (;;) { // each message is of one letter; 'z' is the last
                const std::string text = readv_segments(blocking, many());
                if (text.empty() || text.find_first_not_of(text[0]) != std::string::npos) {
                    return 1;
                }
                if (text[0] == 'z') {
                    return 0;
                }
            }
        });
    }
    const Descriptor opened = open_device(device(), O_RDWR);
    for (int i = 0; i < rounds(500); ++i) {
        const std::size_t bytes = many() * segment_bytes - static_cast<std::size_t>(i % 900);
        const std::string text(bytes, static_cast<char>('a' + i % 25));
        ASSERT_EQ(write_all(opened, text), 0);
    }
    wait_until([&] { return info(opened).queued_messages == 0; });
    ASSERT_EQ(write_all(opened, "z"), 0);
    wait_until([&] { return info(opened).queued_messages == 0; });
    ASSERT_EQ(write_all(opened, "z"), 0);
    for (Process& each : readers) {
        EXPECT_EQ(each.wait(), 0);
    }
}

TEST_P(Segments, AWriteOfManyLosesNoByteAndDoesNotParkHalfWay) {
    if (!by_cuse()) {
        GTEST_SKIP() << "the rest of a split write to the file is a write like any other";
    }
    Daemon daemon(command({"--max-message", "65536", "--depth", "1"}));
    const Descriptor blocking = open_device(device(), O_RDWR);
    const ssize_t written = writev_segments(blocking, message());
    ASSERT_GT(written, 0);
    EXPECT_EQ(info(blocking).queued_messages, 1U);
    EXPECT_EQ(read_some(blocking), message().substr(0, static_cast<std::size_t>(written)));
}

TEST_P(Segments, AWriteOfManyToTheFileGivesWhatItWroteWhenItsRestIsInterrupted) {
    if (by_cuse()) {
        GTEST_SKIP() << "is about the file";
    }
    Daemon daemon(command({"--max-message", "65536", "--depth", "1"}));
    const Descriptor opened = open_device(device(), O_RDWR);
    Process writer([&] {
        struct sigaction action {}; // without SA_RESTART
        action.sa_handler = [](int) {};
        sigaction(SIGUSR1, &action, nullptr);
        const ssize_t written = writev_segments(opened, message());
        return written > 0 && static_cast<std::uint64_t>(written) == info(opened).queued_bytes ? 0
                                                                                               : 1;
    });
    wait_for_parked_writers(opened, 1);
    const std::uint64_t part = info(opened).queued_bytes;
    EXPECT_LT(part, message().size());
    writer.signal(SIGUSR1);
    EXPECT_EQ(writer.wait(), 0);
    EXPECT_EQ(read_some(opened), message().substr(0, part));
}

TEST_P(Segments, AWriteOfAsManyAsArePromisedIsOneMessage) {
    Daemon daemon(served());
    const Descriptor opened = open_device(device());
    std::string small = pattern(4096, 'a');
    std::vector<iovec> sixteen;
    for (std::size_t at = 0; at < small.size(); at += 256) {
        sixteen.push_back({.iov_base = &small[at], .iov_len = 256});
    }
    EXPECT_EQ(writev(opened.get(), sixteen.data(), 16), 4096);
    EXPECT_EQ(info(opened).queued_messages, 1U);
    EXPECT_EQ(read_some(opened), small);
    std::string large = pattern(65536, 'a');
    std::vector<iovec> eight;
    for (std::size_t at = 0; at < large.size(); at += 8192) {
        eight.push_back({.iov_base = &large[at], .iov_len = 8192});
    }
    EXPECT_EQ(writev(opened.get(), eight.data(), 8), 65536);
    EXPECT_EQ(info(opened).queued_messages, 1U);
    EXPECT_EQ(read_some(opened), large);
}

TEST_P(Segments, AnOversizeWriteOfManyQueuesNothing) {
    Daemon daemon(command({"--max-message", "1000"}));
    const Descriptor opened = open_device(device());
    EXPECT_EQ(writev_segments(opened, message()), -1);
    EXPECT_EQ(errno, EMSGSIZE);
    EXPECT_EQ(info(opened).queued_messages, 0U);
}

IPCDEV_EACH_TRANSPORT(Segments);

} // namespace

} // namespace ipcdev::daemon_tests
