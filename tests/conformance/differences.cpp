// SPDX-License-Identifier: MIT
//
// The contract's table of declared differences, row by row: what each way of
// serving does is asserted, so that none is a silent skip. The row of SA_RESTART,
// ^Z and the debugger is in signals.cpp, that of fsync, splice, mmap, FIONREAD,
// O_DIRECT and AIO in not_offered.cpp, that of WAITERS in namespaces.cpp, that of a
// file that an ordinary user serves in other_users.cpp.
#include <cerrno>
#include <csignal>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "device_test.h"
#include "options.h"
#include "support/proc.h"

namespace ipcdev::conformance {
namespace {

class Differences : public DeviceTest {
  protected:
    // The call that the client has under way has ended, or sleeps in the kernel.
    static bool ended(Client& client, long system_call) {
        for (unsigned attempt = 0; !client.finished(); ++attempt) {
            const std::string number = system_call_of(client.pid());
            if (number.empty() || number == std::to_string(system_call)) {
                return client.finished();
            }
            back_off(attempt);
        }
        return true;
    }

    // While a writer is parked: what the client has under way is over at once. On a
    // FUSE file it may wait for that writer, and is over with it.
    void over_at_once_or_with_the_parked(Client& parked, Client& client, long system_call) {
        if (is_a_file() && !ended(client, system_call)) {
            declared_difference("waits for the parked writer, in the kernel's inode lock");
            expect_read(d, "0");
            expect_written(parked, 6);
        }
    }
};

// --- lseek, pread and pwrite

TEST_F(Differences, LseekGivesESPIPE) {
    contract("N7");
    for (const int whence : {SEEK_SET, SEEK_CUR, SEEK_END}) {
        const Outcome done = a.lseek(0, whence);
        if (is_cuse()) {
            expect_result(done, 0);
            declared_difference("0: the kernel's no-op");
        } else {
            expect_error(done, ESPIPE);
        }
    }
    write_ok(a, "x");
    expect_read(a, "x");
}

TEST_F(Differences, PreadAndPwriteGiveESPIPE) {
    contract("N7");
    if (!is_cuse()) {
        expect_error(a.pwrite("x", 0), ESPIPE);
        expect_error(a.pwrite("x", 100), ESPIPE);
        expect_queued(0, 0);
        write_ok(a, "stays");
        expect_error(a.pread(100, 0), ESPIPE);
        expect_error(a.pread(100, 3), ESPIPE);
        expect_read(b, "stays");
        return;
    }
    expect_result(a.pwrite("first", 0), 5);
    expect_result(a.pwrite("second", 100), 6);
    EXPECT_EQ(b.pread(100, 0).bytes, "first");
    EXPECT_EQ(b.pread(100, 3).bytes, "second");
    declared_difference("they work, the offset is ignored");
}

// --- stat

Outcome stat_of(const Call& call) {
    struct stat status {};
    const int result = fstat(call.fd, &status);
    return outcome(result, bytes_of(status));
}

TEST_F(Differences, StatShowsACharacterDevice) {
    contract("M5");
    const auto before = from_bytes<struct stat>(a.run(stat_of).bytes);
    write_ok(a, "x");
    ASSERT_GE(b.open(O_RDWR | O_TRUNC).result, 0);
    ASSERT_GE(c.open(O_RDWR | O_APPEND).result, 0);
    write_ok(c, "y");
    const auto after = from_bytes<struct stat>(b.run(stat_of).bytes);
    if (has(IPCDEV_CAP_CHARDEV)) {
        EXPECT_TRUE(S_ISCHR(after.st_mode));
        return;
    }
    EXPECT_TRUE(S_ISREG(after.st_mode));
    EXPECT_EQ(after.st_size, before.st_size);
    EXPECT_GT(after.st_size, IPCDEV_QUEUE_BYTES_MAX);
    EXPECT_LT(after.st_size, off_t{1} << 31) << "32-bit programs can't open it";
    declared_difference("a regular file of a constant size");
}

TEST_F(Differences, OpenWithNOFOLLOWOpensTheDevice) {
    contract("M5");
    const Outcome opened = a.open(O_RDWR | O_NOFOLLOW);
    if (opened.result >= 0) {
        return;
    }
    expect_error(opened, ELOOP);
    EXPECT_FALSE(has(IPCDEV_CAP_CHARDEV));
    EXPECT_NE(geteuid(), 0U) << "root's path is the file itself";
    declared_difference("ELOOP: an ordinary user's path is a symbolic link to the file");
}

// --- a buffer that is bad after its first page

TEST_F(Differences, WriteFromABufferThatEndsTooEarlyGivesEFAULTAndQueuesNothing) {
    contract("W7");
    for (const std::size_t good : {100U, 4096U}) {
        become_fifo(4, 8192);
        const Outcome done = a.write_from_bad_buffer(good + 100, good);
        if (done.error == EFAULT) {
            expect_queued(0, 0);
            continue;
        }
        EXPECT_FALSE(is_module());
        expect_result(done, static_cast<std::int64_t>(good));
        expect_queued(1, good);
        expect_read(b, std::string(good, 'g'));
        declared_difference("the good part is one message: the kernel sends only that");
    }
}

TEST_F(Differences, ReadIntoABufferThatEndsTooEarlyGivesEFAULTAndTheBytesStay) {
    contract("R7");
    const std::string message = pattern(150);
    write_ok(a, message);
    const Outcome done = b.read_into_bad_buffer(200, 100);
    if (done.error == EFAULT) {
        expect_read(c, message);
        return;
    }
    EXPECT_FALSE(is_module());
    EXPECT_EQ(done.bytes, message.substr(0, 100));
    expect_begun(1);
    expect_read(b, message.substr(100));
    declared_difference("a short read: the kernel asks only for what fits");
}

// --- the inode lock of a FUSE file

TEST_F(Differences, ANonBlockingAPPENDWriterGetsEAGAINBesideAParkedWriter) {
    contract("O4", "W5", "H6");
    become_fifo(1);
    fill(d);
    write_parks(a, "parked");
    b.open(O_WRONLY | O_APPEND | O_NONBLOCK);
    b.start_write("x");
    over_at_once_or_with_the_parked(a, b, SYS_write);
    expect_ended(b, EAGAIN);
}

TEST_F(Differences, ANonBlockingWriterGetsEAGAINBesideAParkedAPPENDWriter) {
    contract("O4", "W5", "H6");
    become_fifo(1);
    fill(d);
    a.open(O_WRONLY | O_APPEND);
    write_parks(a, "parked");
    b.open(O_WRONLY | O_NONBLOCK);
    b.start_write("x");
    over_at_once_or_with_the_parked(a, b, SYS_write);
    expect_ended(b, EAGAIN);
}

TEST_F(Differences, AReaderAndAnOpenNeverWaitForAParkedAPPENDWriter) {
    contract("O4", "H6");
    become_fifo(1);
    fill(d);
    a.open(O_WRONLY | O_APPEND);
    write_parks(a, "parked");
    ASSERT_GE(b.open(O_RDONLY).result, 0);
    expect_read(b, "0");
    expect_written(a, 6);
    expect_read(b, "parked");
}

TEST_F(Differences, AnOpenWithTRUNCReturnsAtOnceBesideAParkedWriter) {
    contract("O4", "H6");
    become_fifo(1);
    fill(d);
    static_cast<void>(b.pid());
    write_parks(a, "parked");
    constexpr int no_descriptor = 0;
    b.start(
        [](const Call& call) {
            return outcome(::open(call.bytes.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
        },
        {no_descriptor, {}, options().device, -1});
    over_at_once_or_with_the_parked(a, b, SYS_openat);
    EXPECT_GE(b.result().result, 0);
}

TEST_F(Differences, ChmodReturnsAtOnceBesideAParkedWriter) {
    contract("H6");
    struct stat now {};
    ASSERT_EQ(stat(options().device.c_str(), &now), 0);
    become_fifo(1);
    fill(d);
    static_cast<void>(b.fd());
    write_parks(a, "parked");
    b.start(
        [](const Call& call) {
            return outcome(fchmod(call.fd, static_cast<mode_t>(call.numbers[0])));
        },
        {Client::own, {now.st_mode & 07777U}, {}, -1});
    over_at_once_or_with_the_parked(a, b, SYS_fchmod);
    const Outcome done = b.result();
    EXPECT_TRUE(done.result == 0 || done.error == EPERM) << done.text(); // somebody else's node
}

TEST_F(Differences, WhatWaitsForAParkedWriterIsOverWhenThatIsKilled) {
    contract("H3", "H6");
    become_fifo(1);
    fill(d);
    static_cast<void>(b.fd());
    write_parks(a, "parked");
    b.start([](const Call& call) { return outcome(fsync(call.fd)); });
    static_cast<void>(ended(b, SYS_fsync));
    killed(a);
    expect_ended(b, EINVAL);
    expect_read(c, "0");
}

TEST_F(Differences, TheVeryFirstCloseReturnsAtOnceBesideAParkedWriter) {
    contract("O2", "H6");
    needs_own_server();
    server().end(SIGTERM); // a kernel that knows that there is no flush asks no more
    server().ensure();
    become_fifo(1);
    fill(d);
    static_cast<void>(b.fd());
    write_parks(a, "parked");
    expect_result(b.close(), 0);
    still_parked(a);
}

// --- RLIMIT_FSIZE

// numbers: the limit in bytes.
Outcome limit_file_size(const Call& call) {
    std::signal(SIGXFSZ, SIG_IGN);
    const auto bytes = static_cast<rlim_t>(call.numbers[0]);
    const rlimit limit{bytes, bytes};
    return outcome(setrlimit(RLIMIT_FSIZE, &limit));
}

TEST_F(Differences, TheLimitOfAFilesSizeHasNoEffect) {
    contract("W2");
    expect_result(a.run(limit_file_size, {Client::own, {3}, {}, -1}), 0);
    const Outcome done = a.write("hello");
    if (is_a_file()) {
        expect_result(done, 3);
        expect_read(b, "hel");
        declared_difference("the VFS cuts the write");
    } else {
        expect_result(done, 5);
        expect_read(b, "hello");
    }
}

TEST_F(Differences, ALimitOf0BytesHasNoEffect) {
    contract("W2");
    expect_result(a.run(limit_file_size, {Client::own, {0}, {}, -1}), 0);
    const Outcome done = a.write("hello");
    if (is_a_file()) {
        expect_error(done, EFBIG);
        expect_queued(0, 0);
        declared_difference("EFBIG: the VFS refuses the write");
    } else {
        expect_result(done, 5);
    }
}

// --- writev beyond the promised segments

TEST_F(Differences, WritevBeyondThePromisedSegmentsIsOneMessage) {
    contract("W3");
    constexpr unsigned count = 600;
    std::vector<std::string> segments;
    std::string all;
    for (unsigned i = 0; i < count; ++i) {
        segments.push_back(pattern(6, i));
        all += segments.back();
    }
    expect_result(a.writev(segments), static_cast<std::int64_t>(all.size()));
    const unsigned messages = info().queued_messages;
    std::string arrived;
    for (unsigned i = 0; i < messages; ++i) {
        arrived += b.read(whole_message).bytes;
    }
    EXPECT_EQ(arrived, all);
    if (messages != 1) {
        EXPECT_FALSE(has(IPCDEV_CAP_UNSPLIT));
        declared_difference("split into " + std::to_string(messages) + " messages");
    }
}

TEST_F(Differences, ReadvBeyondThePromisedSegmentsTakesOneMessage) {
    contract("R2");
    const std::string message = pattern(3000);
    write_ok(a, message);
    write_ok(a, "next");
    const Outcome done = b.readv(std::vector<std::size_t>(600, 6));
    EXPECT_EQ(done.bytes, message.substr(0, done.bytes.size()));
    if (done.bytes.size() < message.size()) {
        EXPECT_FALSE(has(IPCDEV_CAP_UNSPLIT));
        expect_read(b, message.substr(done.bytes.size()));
        declared_difference("a short read, after " + std::to_string(done.bytes.size()) + " bytes");
    }
    expect_read(b, "next");
}

} // namespace
} // namespace ipcdev::conformance
