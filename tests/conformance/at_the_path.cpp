// SPDX-License-Identifier: MIT
//
// What is at the path while the daemon comes and goes: the device, or nothing that can
// be opened. A file that lies there for a moment takes what a client writes into it, and
// the client is told that it was written.
//
// Seen by clients that open the path as fast as they can, as one that retries does.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <new>
#include <sstream>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device_test.h"
#include "options.h"

namespace ipcdev::conformance {
namespace {

// What the clients found, in memory that they share with the suite: there even if they
// are killed.
struct Findings {
    std::atomic<std::uint64_t> devices;   // opens of the device
    std::atomic<std::uint64_t> refused;   // opens that failed
    std::atomic<std::uint64_t> strangers; // opens of something else
    // Of one of the strangers.
    std::atomic<std::uint32_t> mode;
    std::atomic<std::int64_t> bytes;
    std::atomic<int> error; // of INFO

    [[nodiscard]] std::string text() const {
        std::ostringstream all;
        all << strangers << " of " << strangers + devices + refused
            << " opens found something else, as a file of mode " << std::oct << mode << std::dec
            << " with " << bytes << " bytes, to which INFO gives " << errno_text(error);
        return all.str();
    }
};

struct Unmap {
    void operator()(Findings* findings) const { munmap(findings, sizeof(Findings)); }
};

std::unique_ptr<Findings, Unmap> shared_findings() {
    void* memory =
        mmap(nullptr, sizeof(Findings), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw std::bad_alloc();
    }
    return std::unique_ptr<Findings, Unmap>(new (memory) Findings{});
}

// INFO answers, or its device has just gone.
bool is_the_device(int fd) {
    ipcdev_info question{};
    question.size = sizeof(question);
    return ioctl(fd, IPCDEV_IOC_INFO, &question) == 0 || errno == ENODEV || errno == ECONNABORTED ||
           errno == ENOTCONN;
}

void look_at_the_path(const char* path, int flags, Findings& findings) {
    const int fd = ::open(path, flags | O_CLOEXEC);
    if (fd < 0) {
        ++findings.refused;
        return;
    }
    if (is_the_device(fd)) {
        ++findings.devices;
    } else {
        findings.error = errno;
        struct stat status {};
        fstat(fd, &status);
        findings.mode = status.st_mode;
        findings.bytes = status.st_size;
        ++findings.strangers;
    }
    ::close(fd);
}

// Until it is killed. numbers: the address of the findings; bytes: the path.
Outcome open_again_and_again(const Call& call) {
    auto& findings = *reinterpret_cast<Findings*>(call.numbers[0]); // NOLINT
    for (;;) {
        for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY, O_WRONLY | O_APPEND}) {
            look_at_the_path(call.bytes.c_str(), flags, findings);
        }
    }
}

class AtThePath : public DeviceTest {
  protected:
    void SetUp() override {
        needs_own_server();
        DeviceTest::SetUp();
        if (info().server == IPCDEV_SERVER_MODULE) {
            skip("is about a daemon; the module can't go while clients open it");
        }
        for (Client* client : {&a, &b}) {
            constexpr int no_descriptor = 0;
            static_cast<void>(client->pid()); // starts it
            client->start(open_again_and_again, {no_descriptor,
                                                 {reinterpret_cast<std::intptr_t>(findings_.get())},
                                                 options().device,
                                                 -1});
        }
    }

    // The clients have opened the path again, whatever they found.
    void they_look_again() {
        const std::uint64_t before = looks();
        wait_until([&] { return looks() > before + 8; });
    }

    void expect_the_device_or_an_error() {
        killed(a);
        killed(b);
        EXPECT_GT(findings_->devices, 0U);
        EXPECT_GT(findings_->refused, 0U);
        EXPECT_EQ(findings_->strangers, 0U) << findings_->text();
    }

    // A slow machine takes long for each, and has the time to look closely.
    static int rounds() { return options().slowness > 1 ? 3 : 5; }

  private:
    [[nodiscard]] std::uint64_t looks() const {
        return findings_->devices + findings_->refused + findings_->strangers;
    }

    std::unique_ptr<Findings, Unmap> findings_ = shared_findings();
};

TEST_F(AtThePath, AClientFindsTheDeviceOrAnErrorWhileItIsEndedAndStarted) {
    contract("E4");
    for (int round = 0; round < rounds(); ++round) {
        they_look_again();
        EXPECT_EQ(server().end(round % 2 == 0 ? SIGTERM : SIGINT), EXIT_SUCCESS);
        they_look_again();
        server().ensure();
    }
    expect_the_device_or_an_error();
}

TEST_F(AtThePath, AClientFindsTheDeviceOrAnErrorWhileTheNextTakesOverFromOneThatDied) {
    contract("E4");
    for (int round = 0; round < rounds(); ++round) {
        they_look_again();
        server().process().kill(SIGKILL); // nobody cleans up
        observer().disconnect();
        they_look_again();
        Program next(serve_command(options().device));
        wait_until([&] { return next.ended() || observer().connect(); });
        they_look_again();
        observer().disconnect();
        EXPECT_EQ(next.kill(SIGTERM), EXIT_SUCCESS) << next.errors();
        server().ensure();
    }
    expect_the_device_or_an_error();
}

} // namespace
} // namespace ipcdev::conformance
