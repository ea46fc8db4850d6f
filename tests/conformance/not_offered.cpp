// SPDX-License-Identifier: MIT
//
// Chapter 'Not offered' of the contract. Served as a FUSE
// file the device looks like a regular file to the kernel, which then offers some
// of it; what it does is asserted here, and that nothing of it loses a message or
// hangs. docs/differences.md has the table.
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device_test.h"

namespace ipcdev::conformance {
namespace {

class NotOffered : public DeviceTest {
  protected:
    static void opens(Client& client, Where where = Where::here()) {
        if (const Outcome done = client.open(); done.result < 0) {
            fail("the open gives " + done.text(), where);
        }
    }

    // The one message that was queued is there still, and the device works.
    void expect_untouched(std::string_view message, Where where = Where::here()) {
        expect_queued(1, message.size(), where);
        opens(c, where);
        expect_read(c, message, whole_message, where);
        write_ok(c, "works", where);
        expect_read(d, "works", whole_message, where);
    }

    // From a FUSE file of Linux before 6.5 splice is a read, else it is not offered.
    void expect_refused_or_as_a_read(const Outcome& spliced, std::string_view message,
                                     Where where = Where::here()) {
        if (is_a_file() && spliced.result >= 0) {
            EXPECT_EQ(spliced.bytes, message);
            expect_queued(0, 0, where);
            declared_difference("works as a read, on a kernel before 6.5");
        } else {
            expect_error(spliced, EINVAL, where);
            expect_untouched(message, where);
        }
    }
};

// --- splice and sendfile

// What came through the pipe or socket `from`.
std::string received(int from, ssize_t count) {
    std::string bytes(count > 0 ? static_cast<std::size_t>(count) : 0, '\0');
    return count > 0 && read(from, bytes.data(), bytes.size()) == count ? bytes : std::string();
}

Outcome splice_out(const Call& call) {
    int pipe[2];
    pipe2(pipe, O_CLOEXEC);
    const ssize_t n = splice(call.fd, nullptr, pipe[1], nullptr, 4096, 0);
    const int error = errno;
    const std::string bytes = received(pipe[0], n);
    close(pipe[0]);
    close(pipe[1]);
    errno = error;
    return outcome(n, bytes);
}

Outcome splice_in(const Call& call) {
    int pipe[2];
    pipe2(pipe, O_CLOEXEC);
    static_cast<void>(write(pipe[1], call.bytes.data(), call.bytes.size()));
    const Outcome done = outcome(splice(pipe[0], nullptr, call.fd, nullptr, call.bytes.size(), 0));
    close(pipe[0]);
    close(pipe[1]);
    return done;
}

Outcome sendfile_out(const Call& call) {
    int pipe[2];
    pipe2(pipe, O_CLOEXEC);
    const ssize_t n = sendfile(pipe[1], call.fd, nullptr, 4096);
    const int error = errno;
    const std::string bytes = received(pipe[0], n);
    close(pipe[0]);
    close(pipe[1]);
    errno = error;
    return outcome(n, bytes);
}

Outcome sendfile_in(const Call& call) {
    const int file = memfd_create("source", MFD_CLOEXEC);
    static_cast<void>(pwrite(file, call.bytes.data(), call.bytes.size(), 0));
    const Outcome done = outcome(sendfile(call.fd, file, nullptr, call.bytes.size()));
    close(file);
    return done;
}

Outcome copy_file_range_out(const Call& call) {
    const int file = memfd_create("target", MFD_CLOEXEC);
    const Outcome done = outcome(copy_file_range(call.fd, nullptr, file, nullptr, 4096, 0));
    close(file);
    return done;
}

TEST_F(NotOffered, SpliceFromItGivesEINVALAndTheMessageStays) {
    contract("N2");
    write_ok(a, "message");
    expect_refused_or_as_a_read(b.run(splice_out), "message");
}

TEST_F(NotOffered, SpliceFromItWhileItIsEmptyHoldsNobodyUp) {
    contract("N2");
    static_cast<void>(b.fd());
    b.start(splice_out);
    observer().wait_until(
        [&](const ipcdev_info& now) { return b.finished() || now.parked_readers == 1; },
        "splice returns or parks");
    opens(c);
    if (b.finished()) {
        expect_error(b.result(), EINVAL);
    } else {
        EXPECT_TRUE(is_a_file());
        declared_difference("parks as a read, on a kernel before 6.5");
        killed(b);
        wait_parked_readers(0);
    }
    opens(c);
    write_ok(c, "works");
    expect_read(d, "works");
}

TEST_F(NotOffered, SpliceIntoItGivesEINVAL) {
    contract("N2");
    const Outcome done = a.run(splice_in, {Client::own, {}, "hello", -1});
    if (is_a_file()) {
        expect_result(done, 5);
        expect_read(b, "hello");
        declared_difference("works as a write: the VFS does it for a regular file");
    } else {
        expect_error(done, EINVAL);
        expect_queued(0, 0);
    }
}

TEST_F(NotOffered, SendfileFromItGivesEINVALAndTheMessageStays) {
    contract("N2");
    write_ok(a, "message");
    expect_refused_or_as_a_read(b.run(sendfile_out), "message");
}

TEST_F(NotOffered, SendfileAndSpliceIntoItAreWritesOfTheirOwn) {
    contract("N2");
    become_fifo(1);
    for (const Action into : {sendfile_in, splice_in}) {
        const Outcome first = a.run(into, {Client::own, {}, "first", -1});
        if (!is_a_file()) {
            expect_error(first, EINVAL);
            continue;
        }
        expect_result(first, 5);
        parks(a, [&] { a.start(into, {Client::own, {}, "second", -1}); });
        expect_read(b, "first");
        expect_written(a, 6);
        expect_read(b, "second");
        declared_difference("each parks as a write does");
    }
}

TEST_F(NotOffered, SendfileIntoItGivesEINVAL) {
    contract("N2");
    const Outcome done = a.run(sendfile_in, {Client::own, {}, "hello", -1});
    if (is_a_file()) {
        expect_result(done, 5);
        expect_read(b, "hello");
        declared_difference("works as a write: the VFS does it for a regular file");
    } else {
        expect_error(done, EINVAL);
        expect_queued(0, 0);
    }
}

TEST_F(NotOffered, CopyFileRangeFailsAndTheMessageStays) {
    contract("N2");
    write_ok(a, "stays");
    const Outcome done = b.run(copy_file_range_out);
    expect_error(done, is_a_file() && done.error == EXDEV ? EXDEV : EINVAL);
    if (done.error == EXDEV) {
        declared_difference("EXDEV: the file has a file system of its own");
    }
    expect_untouched("stays");
}

// --- mmap, and other ways to the page cache

Outcome map_shared(const Call& call) {
    const void* at = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, call.fd, 0);
    return outcome(at == MAP_FAILED ? -1 : 0);
}

// Maps it and looks at a page, in a child: the signal that ends it is the result.
Outcome map_private_and_look(const Call& call) {
    const auto* at =
        static_cast<const volatile char*>(mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, call.fd, 0));
    if (at == MAP_FAILED) {
        return outcome(-1);
    }
    std::signal(SIGCHLD, SIG_DFL);
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        [[maybe_unused]] const char byte = *at;
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return outcome(WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

Outcome read_ahead(const Call& call) {
    return outcome(readahead(call.fd, 0, 4096));
}

TEST_F(NotOffered, SharedMmapGivesENODEV) {
    contract("N1");
    write_ok(a, "stays");
    expect_error(b.run(map_shared), ENODEV);
    expect_untouched("stays");
}

TEST_F(NotOffered, PrivateMmapGivesENODEV) {
    contract("N1");
    write_ok(a, "stays");
    const Outcome done = b.run(map_private_and_look);
    if (is_a_file()) {
        expect_result(done, SIGBUS);
        declared_difference("the VFS maps a regular file; looking at a page gives SIGBUS");
    } else {
        expect_error(done, ENODEV);
    }
    expect_untouched("stays");
}

TEST_F(NotOffered, PrivateMmapWhileItIsEmptyHoldsNobodyUp) {
    contract("N1");
    const Outcome done = b.run(map_private_and_look);
    EXPECT_TRUE(done.result == SIGBUS || done.error == ENODEV) << done.text();
    opens(c);
    write_ok(c, "works");
    expect_read(d, "works");
}

TEST_F(NotOffered, ReadaheadTakesNoMessageAndHoldsNobodyUp) {
    contract("N2");
    static_cast<void>(b.run(read_ahead)); // whether it fails is the VFS's affair
    write_ok(a, "stays");
    static_cast<void>(b.run(read_ahead));
    expect_untouched("stays");
}

// --- fsync, RWF_NOWAIT, FIONREAD, O_DIRECT

TEST_F(NotOffered, FsyncGivesEINVAL) {
    contract("N3");
    write_ok(a, "stays");
    expect_error(a.run([](const Call& call) { return outcome(fsync(call.fd)); }), EINVAL);
    expect_error(a.run([](const Call& call) { return outcome(fdatasync(call.fd)); }), EINVAL);
    expect_untouched("stays");
}

Outcome write_nowait(const Call& call) {
    char data[] = "hello";
    const iovec segment{data, 5};
    return outcome(pwritev2(call.fd, &segment, 1, -1, RWF_NOWAIT));
}

Outcome read_nowait(const Call& call) {
    char data[100];
    const iovec segment{data, sizeof(data)};
    return outcome(preadv2(call.fd, &segment, 1, -1, RWF_NOWAIT));
}

TEST_F(NotOffered, RWFNOWAITNeverParksOrGivesEOPNOTSUPP) {
    contract("N4");
    become_fifo(1);
    if (has(IPCDEV_CAP_NOWAIT)) {
        expect_error(a.run(read_nowait), EAGAIN);
        expect_result(a.run(write_nowait), 5);
        expect_error(a.run(write_nowait), EAGAIN);
        expect_queued(1, 5);
        expect_result(a.run(read_nowait), 5);
        return;
    }
    declared_difference("EOPNOTSUPP: the kernel does not offer it for a file of FUSE");
    expect_error(a.run(write_nowait), EOPNOTSUPP);
    expect_error(a.run(read_nowait), EOPNOTSUPP);
    write_ok(a, "stays");
    expect_error(a.run(read_nowait), EOPNOTSUPP);
    expect_untouched("stays");
}

TEST_F(NotOffered, FIONREADGivesENOTTY) {
    contract("N6");
    write_ok(a, "stays");
    const Outcome done = a.ioctl(FIONREAD, std::string(sizeof(int), '\0'));
    if (is_a_file()) {
        expect_result(done, 0);
        EXPECT_EQ(from_bytes<int>(done.bytes), 1 << 30);
        declared_difference("the size of the file: the VFS answers for a regular file");
    } else {
        expect_error(done, ENOTTY);
    }
    expect_untouched("stays");
}

TEST_F(NotOffered, OpenWithDIRECTGivesEINVAL) {
    contract("N5");
    const Outcome done = a.open(O_RDWR | O_DIRECT);
    if (is_a_file()) {
        ASSERT_GE(done.result, 0) << done.text();
        write_ok(a, "of any size, from any address");
        expect_read(a, "of any size, from any address");
        declared_difference("the open works and O_DIRECT changes nothing");
    } else {
        expect_error(done, EINVAL);
    }
}

// --- AIO, by the system calls

// One call through a context of its own. numbers: IOCB_CMD_*, offset.
Outcome by_aio(const Call& call) {
    std::string buffer = call.bytes;
    aio_context_t context = 0;
    if (syscall(SYS_io_setup, 1, &context) < 0) {
        return outcome(-1);
    }
    iocb request{};
    request.aio_fildes = static_cast<std::uint32_t>(call.fd);
    request.aio_lio_opcode = static_cast<std::uint16_t>(call.numbers[0]);
    request.aio_buf = reinterpret_cast<std::uintptr_t>(buffer.data());
    request.aio_nbytes = buffer.size();
    request.aio_offset = call.numbers[1];
    iocb* requests[] = {&request};
    io_event event{};
    if (syscall(SYS_io_submit, context, 1, requests) < 0 ||
        syscall(SYS_io_getevents, context, 1, 1, &event, nullptr) < 0) {
        return outcome(-1);
    }
    syscall(SYS_io_destroy, context);
    Outcome done;
    done.result = event.res < 0 ? -1 : event.res;
    done.error = event.res < 0 ? static_cast<int>(-event.res) : 0;
    done.bytes = event.res > 0 ? buffer.substr(0, static_cast<std::size_t>(event.res)) : "";
    return done;
}

Call aio(std::int64_t operation, const std::string& buffer, std::int64_t offset = 0) {
    return {Client::own, {operation, offset}, buffer, -1};
}

TEST_F(NotOffered, AIOReadsAndWritesAsReadAndWriteDo) {
    contract("P5");
    const std::string room(100, '\0');
    expect_result(a.run(by_aio, aio(IOCB_CMD_PWRITE, "by AIO")), 6);
    const Outcome done = b.run(by_aio, aio(IOCB_CMD_PREAD, room));
    expect_result(done, 6);
    EXPECT_EQ(done.bytes, "by AIO");
    a.set_nonblocking();
    expect_error(a.run(by_aio, aio(IOCB_CMD_PREAD, room)), EAGAIN);
}

TEST_F(NotOffered, AIOMayNameAnOffsetThatMeansNothing) {
    contract("R2");
    expect_result(a.run(by_aio, aio(IOCB_CMD_PWRITE, "by AIO", 4096)), 6);
    EXPECT_EQ(b.run(by_aio, aio(IOCB_CMD_PREAD, std::string(100, '\0'), 4096)).bytes, "by AIO");
}

TEST_F(NotOffered, AIOAtTheOffsetWhereAnotherEndedIsACallOfItsOwn) {
    contract("R2");
    become_fifo(1);
    expect_result(a.run(by_aio, aio(IOCB_CMD_PWRITE, "ten bytes!", 0)), 10);
    parks(a, [&] { a.start(by_aio, aio(IOCB_CMD_PWRITE, "and ten...", 10)); });
    EXPECT_EQ(b.run(by_aio, aio(IOCB_CMD_PREAD, std::string(10, '\0'), 0)).bytes, "ten bytes!");
    expect_written(a, 10);
    EXPECT_EQ(b.run(by_aio, aio(IOCB_CMD_PREAD, std::string(10, '\0'), 10)).bytes, "and ten...");
}

TEST_F(NotOffered, AIOThatIsParkedCanBeKilled) {
    contract("H3");
    become_fifo(1);
    for (const int flags : {O_RDWR, O_RDWR | O_DIRECT}) {
        if (a.open(flags).result < 0 || b.open(flags).result < 0) {
            continue; // no O_DIRECT
        }
        parks(a, [&] { a.start(by_aio, aio(IOCB_CMD_PREAD, "room")); });
        killed(a);
        wait_parked_readers(0);
        fill(c);
        parks(b, [&] { b.start(by_aio, aio(IOCB_CMD_PWRITE, "parked")); });
        killed(b);
        wait_parked_writers(0);
        observer().clear();
        a.end();
        b.end();
    }
}

} // namespace
} // namespace ipcdev::conformance
