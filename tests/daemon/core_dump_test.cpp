// SPDX-License-Identifier: MIT
//
// What a client has written is not in a core dump: each place in the daemon's memory where
// it lies is in a mapping that is left out (VmFlags 'dd', see proc(5) and core(5)).
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "fixture.h"
#include "support/sanitizers.h"
#include "uapi/ipcdev_frames.hpp"

namespace ipcdev::daemon_tests {

namespace {

struct Mapping {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::string line;
    bool dumped = true;
};

std::vector<Mapping> mappings_of(pid_t pid) {
    std::vector<Mapping> found;
    std::ifstream smaps("/proc/" + std::to_string(pid) + "/smaps");
    for (std::string line; std::getline(smaps, line);) {
        std::istringstream fields(line);
        Mapping next;
        char dash = 0;
        if (line.starts_with("VmFlags:")) {
            found.back().dumped = (line + " ").find(" dd ") == std::string::npos;
        } else if (fields >> std::hex >> next.begin >> dash >> next.end && dash == '-') {
            next.line = line;
            found.push_back(next);
        }
    }
    return found;
}

// Empty where it can't be read, as of [vvar].
std::string memory_of(const Descriptor& memory, const Mapping& mapping) {
    std::string bytes(mapping.end - mapping.begin, '\0');
    const ssize_t got =
        pread(memory.get(), bytes.data(), bytes.size(), static_cast<off_t>(mapping.begin));
    bytes.resize(got == -1 ? 0 : static_cast<std::size_t>(got));
    return bytes;
}

class CoreDump : public EachTransport {
  protected:
    void SetUp() override {
        EachTransport::SetUp();
        if (sanitized) {
            GTEST_SKIP() << "a sanitizer's shadow of the memory is terabytes";
        }
    }

    static void expect_left_out(const Daemon& daemon, const std::string& secret) {
        const std::string path = "/proc/" + std::to_string(daemon.pid()) + "/mem";
        const Descriptor memory(open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!memory.is_open()) {
            GTEST_SKIP() << "its memory can't be read here";
        }
        int places = 0;
        for (const Mapping& mapping : mappings_of(daemon.pid())) {
            if (memory_of(memory, mapping).find(secret) != std::string::npos) {
                ++places;
                EXPECT_FALSE(mapping.dumped) << "it is in " << mapping.line;
            }
        }
        EXPECT_GT(places, 0) << "it should be found somewhere, or this test can't see";
    }
};

TEST_P(CoreDump, HasNothingOfTheRequestThatWasTakenLast) {
    Daemon daemon(command({"--max-message", "100"}));
    const Descriptor opened = open_device(device());
    const std::string secret = "a message that is refused, so that it is in no other place";
    EXPECT_EQ(write_all(opened, secret + std::string(100, '.')), EMSGSIZE);
    expect_left_out(daemon, secret);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(CoreDump, HasNothingOfTheFramesThatWereGivenLast) {
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    const Descriptor batches = open_device(device());
    const ipcdev_batch on{.size = sizeof(on), .on = 1};
    ASSERT_EQ(ioctl(batches.get(), IPCDEV_IOC_BATCH, &on), 0);
    const std::string secret = "a message that is read as a frame";
    ASSERT_EQ(write_all(opened, secret), 0);
    const std::string frame = read_some(batches);
    ASSERT_EQ(frame.size(), IPCDEV_FRAME_BYTES(secret.size()));
    expect_left_out(daemon, frame); // its head tells it from the message as it was queued
    EXPECT_EQ(daemon.stop(), 0);
}

IPCDEV_EACH_TRANSPORT(CoreDump);

} // namespace

} // namespace ipcdev::daemon_tests
