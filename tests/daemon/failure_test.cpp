// SPDX-License-Identifier: MIT
//
// Ends that are no success: status 1, so that a service manager starts the daemon again,
// and a sentence. Nobody hangs and nothing is left by these either.
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "fixture.h"
#include "support/errors.h"
#include "support/sanitizers.h"

namespace ipcdev::daemon_tests {

namespace {

void expect_sentence(const Daemon& daemon, const std::string& sentence) {
    EXPECT_NE(daemon.errors().find("ipcdevd: error: " + sentence), std::string::npos)
        << daemon.errors();
}

// The daemon can't read from the kernel, from the moment on that the test says.
class Failure : public EachTransport {
  protected:
    void SetUp() override {
        EachTransport::SetUp();
        if (sanitized) {
            GTEST_SKIP() << "what is preloaded must be the sanitizer's";
        }
    }
    void TearDown() override {
        if (failure_ != nullptr) {
            munmap(const_cast<int*>(failure_), sizeof(int));
        }
        EachTransport::TearDown();
    }

    Command failing_command(std::vector<std::string> options = {}) {
        const auto path = folder() / "failure";
        make_file(path, std::string(sizeof(int), '\0'));
        const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
        void* place = mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
        checked(place == MAP_FAILED ? -1 : 0, "mmap");
        failure_ = static_cast<volatile int*>(place);
        Command failing = command(std::move(options));
        failing.environment.push_back("LD_PRELOAD=" IPCDEV_FAIL_READS);
        failing.environment.push_back("IPCDEV_FAIL_READS=" + path.string());
        return failing;
    }

    // A client is parked, and a later read fails: the next one, or the one after a request
    // if that is being waited for.
    void expect_end_by(int failure, const std::string& sentence,
                       std::vector<std::string> options = {}) {
        Daemon daemon(failing_command(std::move(options)));
        const Descriptor opened = open_device(device());
        Process parked = reader(device());
        wait_for_parked_readers(opened, 1);
        *failure_ = failure;
        static_cast<void>(try_open(device()));
        EXPECT_EQ(daemon.wait(), 1);
        expect_sentence(daemon, sentence);
        EXPECT_EQ(parked.wait(), ENODEV) << "as by SIGTERM";
        expect_nothing_at(device());
    }

    volatile int* failure_ = nullptr;
};

TEST_P(Failure, ToReadFromTheKernelIsStatus1AndParkedCallsEndWithENODEV) {
    expect_end_by(EIO, "can't read from the kernel: Input/output error\n");
}

TEST_P(Failure, ByAnExceptionIsStatus1AndParkedCallsEndWithENODEV) {
    expect_end_by(-1, "a read that throws\n");
}

// No other process goes on: it would fail too.
TEST_P(Failure, OfAProcessThatIsKeptIsStatus1AndParkedCallsEndWithENODEV) {
    expect_end_by(EIO, "can't read from the kernel: Input/output error\n", {"--keep"});
    expect_end_by(-1, "a read that throws\n", {"--keep"});
}

// What libfuse says while the daemon serves is in the daemon's log, in its form.
TEST_P(Failure, OfLibfuseToAgreeWithTheKernelIsALineOfTheLog) {
    Command failing = failing_command();
    *failure_ = -2;
    Program daemon(failing);
    const std::string library = by_cuse() ? "cuse" : "fuse";
    const std::string line = "ipcdevd: error: " + library + ": unsupported protocol version: 6.";
    wait_until([&] { return daemon.ended() || daemon.errors().find(line) != std::string::npos; });
    EXPECT_NE(daemon.errors().find(line), std::string::npos) << daemon.errors();
    daemon.signal(SIGTERM);
    static_cast<void>(daemon.wait()); // the kernel may have closed the connection before
    expect_nothing_at(device());
}

IPCDEV_EACH_TRANSPORT(Failure);

// The kernel ends the connection, and it was no unmount.
class Aborted : public EachTransport {
  protected:
    void SetUp() override {
        EachTransport::SetUp();
        if (!is_root()) {
            GTEST_SKIP() << "only root may mount fusectl, or write to /sys";
        }
    }

    void abort_connection_of(const Descriptor& opened) const {
        if (by_cuse()) {
            make_file("/sys/class/cuse/" + device().filename().string() + "/abort", "1");
            return;
        }
        struct stat served {};
        checked(fstat(opened.get(), &served), "fstat");
        const auto control = folder() / "connections";
        fs::create_directory(control);
        checked(mount("control", control.c_str(), "fusectl", 0, nullptr), "mount fusectl");
        make_file(control / std::to_string(minor(served.st_dev)) / "abort", "1");
    }
};

TEST_P(Aborted, EndsWithStatus1AndLeavesNothing) {
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    Process parked = reader(device());
    wait_for_parked_readers(opened, 1);
    abort_connection_of(opened);
    EXPECT_EQ(daemon.wait(), 1);
    expect_sentence(daemon, "the connection of " + device().string() + " was aborted");
    EXPECT_EQ(parked.wait(), ECONNABORTED);
    expect_nothing_at(device());
}

IPCDEV_EACH_TRANSPORT(Aborted);

// An unmount is a success, however it is done.
class Unmounted : public RootTest {};

TEST_F(Unmounted, ByForceTheDaemonEndsWithStatus0) {
    for (int round = 0; round < rounds(10); ++round) {
        Daemon daemon(fuse_command());
        ASSERT_EQ(umount2(file().c_str(), MNT_FORCE), 0);
        EXPECT_EQ(daemon.wait(), 0) << daemon.errors();
        expect_nothing_at(file());
    }
}

TEST_F(Unmounted, ByForceAndLazilyUnderAParkedCallTheDaemonEndsWithStatus0) {
    Daemon daemon(fuse_command());
    Descriptor opened = open_device(file());
    Process parked = reader(file());
    wait_for_parked_readers(opened, 1);
    ASSERT_EQ(umount2(file().c_str(), MNT_FORCE | MNT_DETACH), 0);
    EXPECT_EQ(parked.wait(), ECONNABORTED);
    EXPECT_EQ(daemon.wait(), 0) << daemon.errors();
    expect_nothing_at(file());
}

} // namespace

} // namespace ipcdev::daemon_tests
