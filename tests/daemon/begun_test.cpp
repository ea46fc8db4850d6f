// SPDX-License-Identifier: MIT
//
// What an open has begun of a message, where the daemon has to do something about it: at
// the open's end, at its own, and with the memory.
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "fixture.h"
#include "support/errors.h"
#include "support/sanitizers.h"

namespace ipcdev::daemon_tests {

namespace {

constexpr std::size_t mib = std::size_t{1} << 20U;

std::size_t resident(const Daemon& daemon) {
    return std::stoull(proc_line(daemon.pid(), "status", "VmRSS")) * 1024;
}

class Begun : public EachTransport {
  protected:
    // A process that opens the device, begins the message with so many bytes of it, and then
    // does nothing. The message is begun when this returns.
    [[nodiscard]] Process beginner(const Descriptor& observer, std::size_t count) const {
        const unsigned before = info(observer).begun_messages;
        Process begins([path = device(), count] {
            const Descriptor own = open_device(path, O_RDONLY);
            if (read_some(own, count).size() != count) {
                return 1;
            }
            pause();
            return 1;
        });
        wait_until([&] { return info(observer).begun_messages == before + 1; });
        return begins;
    }
};

TEST_P(Begun, IsCountedUntilItsLastByteIsRead) {
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    ASSERT_EQ(write_all(opened, "message"), 0);
    EXPECT_EQ(read_some(opened, 3), "mes");
    EXPECT_EQ(info(opened).begun_messages, 1U);
    EXPECT_EQ(info(opened).queued_messages, 0U);
    EXPECT_EQ(info(opened).queued_bytes, 0U);
    EXPECT_EQ(read_some(opened), "sage");
    EXPECT_EQ(info(opened).begun_messages, 0U);
    EXPECT_EQ(daemon.stop(), 0);
}

// All that one close makes possible is answered: the parked reader, and then the writer
// that waited for the last byte.
TEST_P(Begun, GoesToAParkedReaderAtTheEndOfItsOpenAndMakesRoomForAWriter) {
    Daemon daemon(command({"--depth", "1"}));
    const Descriptor opened = open_device(device());
    ASSERT_EQ(write_all(opened, "message"), 0);
    Process begins = beginner(opened, 3);
    Process parked_writer = writer(device(), "next");
    wait_for_parked_writers(opened, 1);
    Process parked_reader(
        [path = device()] { return read_some(open_device(path, O_RDONLY)) == "sage" ? 0 : 1; });
    wait_for_parked_readers(opened, 1);
    begins.kill();
    EXPECT_EQ(parked_reader.wait(), 0);
    EXPECT_EQ(parked_writer.wait(), 0);
    EXPECT_EQ(read_some(opened), "next");
    EXPECT_EQ(stats(opened).messages_read, 2U);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Begun, GivesAnEdgeToOtherOpensAtTheEndOfItsOpen) {
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    ASSERT_EQ(write_all(opened, "message"), 0);
    Process begins = beginner(opened, 3);
    const Descriptor events(epoll_create1(EPOLL_CLOEXEC));
    epoll_event wanted{.events = EPOLLIN | EPOLLET, .data = {}};
    ASSERT_EQ(epoll_ctl(events.get(), EPOLL_CTL_ADD, opened.get(), &wanted), 0);
    epoll_event event{};
    EXPECT_EQ(epoll_wait(events.get(), &event, 1, 0), 0) << "it is another's";
    begins.kill();
    EXPECT_EQ(epoll_wait(events.get(), &event, 1, -1), 1);
    EXPECT_EQ(read_some(opened), "sage");
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Begun, IsDroppedInARingAtTheEndOfItsOpen) {
    Daemon daemon(command({"--mode", "ring", "--depth", "2"}));
    const Descriptor opened = open_device(device());
    EXPECT_EQ(info(opened).mode, static_cast<__u32>(IPCDEV_MODE_RING));
    ASSERT_EQ(write_all(opened, "message"), 0);
    Process begins = beginner(opened, 3);
    for (const char* message : {"1", "2", "3"}) {
        ASSERT_EQ(write_all(opened, message), 0);
    }
    begins.kill();
    wait_until([&] { return info(opened).begun_messages == 0; });
    EXPECT_EQ(stats(opened).bytes_truncated, 4U);
    EXPECT_EQ(stats(opened).messages_read, 1U);
    EXPECT_EQ(stats(opened).messages_overwritten, 1U);
    EXPECT_EQ(read_some(opened), "2");
    EXPECT_EQ(read_some(opened), "3");
    EXPECT_EQ(daemon.stop(), 0);
}

// Neither the end of the daemon nor what is parked beside it minds.
TEST_P(Begun, EndsWithTheDaemonAsWhatIsQueuedDoes) {
    for (const char* mode : {"fifo", "ring"}) {
        Daemon daemon(command({"--mode", mode, "--depth", "4"}));
        const Descriptor opened = open_device(device());
        const Descriptor other = open_device(device());
        for (const char* message : {"first", "second"}) {
            ASSERT_EQ(write_all(opened, message), 0);
        }
        EXPECT_EQ(read_some(opened, 2), "fi");
        EXPECT_EQ(read_some(other, 2), "se");
        Process parked = reader(device());
        wait_for_parked_readers(opened, 1);
        daemon.signal(SIGTERM);
        EXPECT_EQ(parked.wait(), ENODEV) << mode;
        EXPECT_EQ(daemon.wait(), 0) << mode << "\n" << daemon.errors();
        expect_nothing_at(device());
    }
}

// It isn't in the queue of a ring, and takes memory all the same.
TEST_P(Begun, KeepsItsMemoryUntilItIsReadOrItsOpenEnds) {
    if (sanitized) {
        GTEST_SKIP() << "a sanitizer needs memory of its own for each byte";
    }
    constexpr std::size_t count = 900;
    const std::string message(IPCDEV_MESSAGE_MAX, 'm');
    Daemon daemon(command({"--mode", "ring", "--depth", "1", "--max-message", "65536"}));
    const Descriptor opened = open_device(device());
    const std::size_t before = resident(daemon);
    std::vector<Descriptor> readers;
    for (std::size_t i = 0; i < count; ++i) {
        readers.push_back(open_device(device()));
        ASSERT_EQ(write_all(opened, message), 0);
        ASSERT_EQ(read_some(readers.back(), 1), "m");
    }
    EXPECT_EQ(info(opened).begun_messages, count);
    EXPECT_GT(resident(daemon), before + count * message.size() * 9 / 10);
    for (std::size_t i = 0; i < count; i += 2) {
        EXPECT_EQ(read_some(readers[i]), message.substr(1));
    }
    readers.clear();
    wait_until([&] { return info(opened).opens == 1; });
    EXPECT_EQ(info(opened).begun_messages, 0U);
    EXPECT_EQ(stats(opened).bytes_truncated, count / 2 * (message.size() - 1));
    EXPECT_LT(resident(daemon), before + 24 * mib);
    EXPECT_EQ(daemon.stop(), 0);
}

IPCDEV_EACH_TRANSPORT(Begun);

} // namespace

} // namespace ipcdev::daemon_tests
