// SPDX-License-Identifier: MIT
//
// ipcdevd --keep, whose server writes nonsense into the state before it is killed. Here the tests
// do that, by /proc/PID/mem: parked calls get EIO, the device is empty, the log says so, and all
// goes on.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstring>

#include "fixture.h"
#include "kept.h"
#include "operations.h"
#include "payload.h"
#include "support/errors.h"
#include "uapi/ipcdev_frames.hpp"

namespace ipcdev::daemon_tests {

namespace {

const std::string sentence = "the state that the killed process has left can't be used (";

// The memory that all servers share, of one that is stopped: it would stumble over what is spoiled.
class State {
  public:
    explicit State(const Daemon& daemon) : server_(next_server_of(daemon, 0)) {
        kill(server_, SIGSTOP);
        wait_until([&] { return proc_line(server_, "status", "State").starts_with("T"); });
        const std::string path = "/proc/" + std::to_string(server_) + "/mem";
        memory_ = Descriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC));
        checked(memory_.get(), path.c_str());
    }
    [[nodiscard]] pid_t server() const { return server_; }

    // The device, with all the heads of its lists.
    void spoil_operations() const { spoil(operations, sizeof(Operations)); }
    // How a queued message is linked.
    void spoil_link_of(const std::string& message) const {
        spoil(place_of(message) + offsetof(Message, whole), sizeof(ListHook));
    }
    // All that is known of an open with these flags.
    void spoil_open(int flags) const {
        const OpenFile example;
        const std::array<unsigned, 2> wanted{static_cast<unsigned>(flags), geteuid()};
        const auto offset =
            reinterpret_cast<const char*>(&example.flags) - reinterpret_cast<const char*>(&example);
        const std::string bytes(reinterpret_cast<const char*>(wanted.data()), sizeof(wanted));
        const std::string all = read(behind_messages, std::size_t{60} << 20U);
        const auto at = all.find(bytes);
        ASSERT_NE(at, std::string::npos);
        spoil(behind_messages + at - static_cast<std::size_t>(offset), sizeof(OpenFile));
    }

  private:
    static constexpr std::uintptr_t operations =
        UndoLog::watched_begin + (std::size_t{2} * 4096); // two pages are before it
    static constexpr std::uintptr_t behind_operations = operations + sizeof(Operations);
    static constexpr std::uintptr_t behind_messages =
        behind_operations + PayloadPool::slabs * Arena::slab_bytes;

    [[nodiscard]] std::string read(std::uintptr_t begin, std::size_t bytes) const {
        std::string all(bytes, '\0');
        const auto at = static_cast<off_t>(begin);
        all.resize(static_cast<std::size_t>(
            checked(pread(memory_.get(), all.data(), all.size(), at), "pread")));
        return all;
    }
    [[nodiscard]] std::uintptr_t place_of(const std::string& message) const {
        const std::string all = read(behind_operations, std::size_t{8} << 20U);
        const auto at = all.find(message);
        if (at == std::string::npos) {
            throw std::runtime_error("no such message");
        }
        return behind_operations + at - sizeof(Payload);
    }
    void spoil(std::uintptr_t begin, std::size_t bytes) const {
        const std::string nonsense(bytes, '\xa5');
        const auto at = static_cast<off_t>(begin);
        ASSERT_EQ(pwrite(memory_.get(), nonsense.data(), bytes, at), static_cast<ssize_t>(bytes));
    }

    pid_t server_;
    Descriptor memory_;
};

class SpoiledState : public EachTransport {
  protected:
    static void kill_server(const Daemon& daemon, const State& spoiled) {
        kill(spoiled.server(), SIGKILL);
        static_cast<void>(next_server_of(daemon, spoiled.server()));
    }

    void expect_that_messages_pass(const Descriptor& opened) const {
        EXPECT_EQ(write_all(opened, "new"), 0);
        EXPECT_EQ(read_some(opened), "new");
        Process parked = reader(device());
        wait_for_parked_readers(opened, 1);
        EXPECT_EQ(write_all(opened, "a"), 0);
        EXPECT_EQ(parked.wait(), 0);
        EXPECT_TRUE(passes_messages(device()));
    }
};

TEST_P(SpoiledState, OfAMessageEmptiesTheDeviceAndParkedWritersGetEIO) {
    Daemon daemon(command({"--keep"}));
    const Descriptor opened = open_device(device());
    const ipcdev_configure wanted{
        .size = sizeof(wanted), .mode = 0, .depth = 2, .max_message = 1000, .reserved = {}};
    ASSERT_EQ(configure(opened, wanted), 0);
    const std::string text = "a message that is spoiled";
    EXPECT_EQ(write_all(opened, "first"), 0);
    EXPECT_EQ(write_all(opened, text), 0);
    Process parked = writer(device(), "third");
    wait_for_parked_writers(opened, 1);

    const State state(daemon);
    state.spoil_link_of(text);
    kill_server(daemon, state);
    EXPECT_EQ(parked.wait(), EIO);
    EXPECT_NE(daemon.errors().find(sentence + "the queue): the device starts empty, 2 messages are "
                                              "lost, and parked calls get EIO"),
              std::string::npos)
        << daemon.errors();
    const ipcdev_info after = info(opened);
    EXPECT_EQ(after.queued_messages, 0U);
    EXPECT_EQ(after.parked_writers, 0U);
    EXPECT_EQ(after.opens, 1U);
    EXPECT_EQ(after.generation, 1U);
    EXPECT_EQ(after.depth, 2U) << "settings go on";
    EXPECT_EQ(after.max_message, 1000U);
    expect_that_messages_pass(opened);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(SpoiledState, OfAllListsGivesParkedReadersEIOAndWakesPollers) {
    Daemon daemon(command({"--keep", "--log-level", "info"}));
    const Descriptor opened = open_device(device());
    Process parked = reader(device());
    wait_for_parked_readers(opened, 1);
    Process poller([&] {
        const Descriptor mine = open_device(device());
        pollfd readable{.fd = mine.get(), .events = POLLIN, .revents = 0};
        return poll(&readable, 1, -1) == 1 ? 0 : 1;
    });
    wait_until([&] { return system_call_of(poller.pid()) == std::to_string(SYS_poll); });

    const State state(daemon);
    state.spoil_operations();
    kill_server(daemon, state);
    EXPECT_EQ(parked.wait(), EIO);
    EXPECT_NE(daemon.errors().find(sentence), std::string::npos) << daemon.errors();
    EXPECT_EQ(info(opened).parked_readers, 0U);
    EXPECT_NE(daemon.errors().find("1 parked calls got EIO, 3 opens go on"), std::string::npos)
        << daemon.errors();
    EXPECT_EQ(write_all(opened, "new"), 0);
    EXPECT_EQ(poller.wait(), 0) << "the new device knows who polls";
    EXPECT_EQ(read_some(opened), "new");
    expect_that_messages_pass(opened);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(SpoiledState, LeavesOpensAsTheyWereOpened) {
    Daemon daemon(command({"--keep"}));
    const Descriptor batches = open_device(device());
    const Descriptor read_only = open_device(device(), O_RDONLY | O_NONBLOCK);
    const ipcdev_batch on{.size = sizeof(on), .on = 1};
    ASSERT_EQ(ioctl(batches.get(), IPCDEV_IOC_BATCH, &on), 0);
    { // its place is free, and may be used again
        const Descriptor closed = open_device(device());
        ASSERT_EQ(info(closed).opens, 3U);
    }
    wait_until([&] { return info(batches).opens == 2; });
    const State state(daemon);
    state.spoil_operations();
    kill_server(daemon, state);
    const Descriptor opened = open_device(device());
    EXPECT_EQ(info(opened).opens, 3U);
    EXPECT_EQ(write_all(opened, "x"), 0);
    EXPECT_EQ(read_some(batches).size(), IPCDEV_FRAME_BYTES(1));
    EXPECT_EQ(ioctl(opened.get(), IPCDEV_IOC_CLEAR), 0);
    EXPECT_EQ(ioctl(read_only.get(), IPCDEV_IOC_CLEAR), -1);
    EXPECT_EQ(errno, EBADF);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(SpoiledState, GivesEIOToAnOpenOfWhichNothingIsKnown) {
    Daemon daemon(command({"--keep"}));
    Descriptor opened = open_device(device(), O_RDWR | O_NONBLOCK | O_DSYNC);
    const State state(daemon);
    state.spoil_operations();
    state.spoil_open(fcntl(opened.get(), F_GETFL));
    kill_server(daemon, state);
    const Descriptor anew = open_device(device());
    EXPECT_EQ(info(anew).opens, 1U);
    EXPECT_EQ(write_all(opened, "x"), EIO);
    EXPECT_THROW(static_cast<void>(info(opened)), std::system_error);
    opened.close();
    EXPECT_EQ(info(anew).opens, 1U);
    EXPECT_EQ(write_all(anew, "x"), 0);
    EXPECT_EQ(read_some(anew), "x");
    EXPECT_EQ(daemon.stop(), 0);
}

// The kills come at other moments each time.
TEST_P(SpoiledState, IsReplacedAlthoughThatIsCutShort) {
    using namespace std::chrono;
    Daemon daemon(command({"--keep"}));
    const Descriptor opened = open_device(device());
    for (int i = 0; i < rounds(40); ++i) {
        Process parked = reader(device());
        wait_for_parked_readers(opened, 1);
        const State state(daemon);
        state.spoil_operations();
        pid_t server = state.server();
        for (int kills = 0; kills < 3; ++kills) {
            kill(server, SIGKILL);
            server = next_server_of(daemon, server);
            const auto until = steady_clock::now() + microseconds(50 * i);
            while (steady_clock::now() < until) {
            }
        }
        EXPECT_EQ(parked.wait(), EIO) << i;
        ASSERT_EQ(write_all(opened, "x"), 0) << i;
        ASSERT_EQ(read_some(opened), "x") << i;
        wait_until([&] { return info(opened).opens == 1; });
    }
    EXPECT_EQ(daemon.stop(), 0);
}

IPCDEV_EACH_TRANSPORT(SpoiledState);

} // namespace

} // namespace ipcdev::daemon_tests
