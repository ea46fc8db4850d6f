// SPDX-License-Identifier: MIT
//
// Interrupts name a request: the right call ends, once, whatever else is parked
// and whatever happens at the same moment.
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "fixture.h"

namespace ipcdev::daemon_tests {

namespace {

// Its calls end with EINTR.
void take_signals(int number) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(number, &action, nullptr);
}

class Interrupt : public EachTransport {
  protected:
    // Reads once; exits with 0 or the errno, EINTR for SIGUSR1.
    [[nodiscard]] Process interruptible_reader() const {
        return Process([path = device()] {
            take_signals(SIGUSR1);
            const Descriptor device(open(path.c_str(), O_RDONLY | O_CLOEXEC));
            char byte = 0;
            return device.is_open() && read(device.get(), &byte, 1) == 1 ? 0 : errno;
        });
    }
};

TEST_P(Interrupt, EndsTheOneOfManyParkedReadersThatItIsFor) {
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    const auto count = static_cast<unsigned>(rounds(1000));
    std::vector<Process> readers;
    for (unsigned i = 0; i < count; ++i) {
        readers.push_back(interruptible_reader());
    }
    wait_for_parked_readers(opened, count);
    unsigned left = count;
    for (const std::size_t which : {count / 2, count - 1, 0U}) {
        readers[which].signal(SIGUSR1);
        EXPECT_EQ(readers[which].wait(), EINTR);
        EXPECT_EQ(info(opened).parked_readers, --left);
    }
    EXPECT_EQ(stats(opened).interrupted, 3U);
    for (unsigned i = 0; i < left; ++i) {
        ASSERT_EQ(write_all(opened, "x"), 0);
    }
    for (Process& each : readers) {
        if (each.exists()) {
            EXPECT_EQ(each.wait(), 0);
        }
    }
    EXPECT_EQ(daemon.stop(), 0);
}

// The signal and the message come at the same time: the reader has the message,
// or EINTR and the message is still there.
TEST_P(Interrupt, AtTheMomentOfAMessageLosesNoneAndDoublesNone) {
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    int interrupted = 0;
    for (int i = 0; i < rounds(200) && !HasFailure(); ++i) {
        Process reader = interruptible_reader();
        wait_for_parked_readers(opened, 1);
        if (i % 2 == 0) {
            reader.signal(SIGUSR1);
            EXPECT_EQ(write_all(opened, "m"), 0);
        } else {
            EXPECT_EQ(write_all(opened, "m"), 0);
            reader.signal(SIGUSR1);
        }
        const Status status = reader.wait();
        EXPECT_TRUE(status == 0 || status == EINTR) << status;
        EXPECT_EQ(info(opened).queued_messages, status == 0 ? 0U : 1U);
        EXPECT_EQ(info(opened).parked_readers, 0U);
        if (status == EINTR) {
            ++interrupted;
            EXPECT_EQ(read_some(opened), "m");
        }
    }
    EXPECT_EQ(stats(opened).interrupted, static_cast<__u64>(interrupted));
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Interrupt, BySIGKILLAtTheMomentOfAMessageFreesTheClientAtOnce) {
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    for (int i = 0; i < rounds(100) && !HasFailure(); ++i) {
        Process reader = interruptible_reader();
        wait_for_parked_readers(opened, 1);
        reader.signal(SIGKILL);
        EXPECT_EQ(write_all(opened, "m"), 0);
        EXPECT_EQ(reader.wait(), killed_by(SIGKILL));
        EXPECT_EQ(info(opened).parked_readers, 0U);
        // Gone with the reader, or still there.
        if (info(opened).queued_messages == 1) {
            EXPECT_EQ(read_some(opened), "m");
        }
    }
    EXPECT_TRUE(passes_messages(device()));
    EXPECT_EQ(daemon.stop(), 0);
}

// Signals in the middle of what libfuse dispatches leave nothing behind that a
// later call could take for its own.
TEST_P(Interrupt, OfCallsThatNeverParkEndsNoLaterOne) {
    Daemon daemon(command());
    const Descriptor opened = open_device(device());
    Process asking([&] {
        take_signals(SIGALRM);
        const itimerval often{.it_interval = {.tv_sec = 0, .tv_usec = 50},
                              .it_value = {.tv_sec = 0, .tv_usec = 50}};
        setitimer(ITIMER_REAL, &often, nullptr);
        int answered = 0;
        for (int i = 0; i < rounds(3000); ++i) {
            ipcdev_info now{};
            now.size = sizeof(now);
            answered += ioctl(opened.get(), IPCDEV_IOC_INFO, &now) == 0 ? 1 : 0;
        }
        return answered > 0 ? 0 : 1;
    });
    EXPECT_EQ(asking.wait(), 0);
    Process reader = interruptible_reader();
    wait_for_parked_readers(opened, 1);
    EXPECT_EQ(stats(opened).interrupted, 0U);
    EXPECT_EQ(write_all(opened, "m"), 0);
    EXPECT_EQ(reader.wait(), 0);
    EXPECT_EQ(daemon.stop(), 0);
}

IPCDEV_EACH_TRANSPORT(Interrupt);

} // namespace

} // namespace ipcdev::daemon_tests
