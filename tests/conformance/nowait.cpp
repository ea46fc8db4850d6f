// SPDX-License-Identifier: MIT
//
// RWF_NOWAIT: this call must not wait, though its open has no O_NONBLOCK. The kernel
// offers it only for a file that says that it can; elsewhere it gives EOPNOTSUPP.
#include <algorithm>
#include <cerrno>

#include <linux/aio_abi.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "uring_test.h"

namespace ipcdev::conformance {
namespace {

class NoWait : public UringTest {
  protected:
    // What the module does; the kernel does not offer it for a file of a daemon.
    static void gives(const Outcome& outcome, std::int64_t result, int error = 0,
                      Where where = Where::here()) {
        if (!is_module()) {
            expect_error(outcome, EOPNOTSUPP, where);
            declared_difference("EOPNOTSUPP: the kernel offers it only where a file says so");
        } else if (error != 0) {
            expect_error(outcome, error, where);
        } else {
            expect_result(outcome, result, where);
        }
    }

    // While `action` is under way nothing parks, so it ends.
    static Outcome ends(Client& client, Action action, const Call& call = {},
                        Where where = Where::here()) {
        static_cast<void>(client.fd());
        client.start(action, call);
        finishes_without_parking(client, where);
        return client.result();
    }
};

Outcome write_nowait(const Call& call) {
    std::string bytes = call.bytes;
    const iovec segment{bytes.data(), bytes.size()};
    return outcome(pwritev2(call.fd, &segment, 1, -1, RWF_NOWAIT));
}

Outcome read_nowait(const Call& call) {
    std::string bytes(100, '\0');
    const iovec segment{bytes.data(), bytes.size()};
    const ssize_t n = preadv2(call.fd, &segment, 1, -1, RWF_NOWAIT);
    return outcome(n, bytes.substr(0, static_cast<std::size_t>(std::max<ssize_t>(n, 0))));
}

// One operation by the AIO system calls. numbers: IOCB_CMD_*.
Outcome aio_nowait(const Call& call) {
    std::string buffer = call.bytes;
    aio_context_t context = 0;
    if (syscall(SYS_io_setup, 1, &context) < 0) {
        return outcome(-1);
    }
    iocb request{};
    request.aio_fildes = static_cast<std::uint32_t>(call.fd);
    request.aio_lio_opcode = static_cast<std::uint16_t>(call.numbers[0]);
    request.aio_rw_flags = RWF_NOWAIT;
    request.aio_buf = reinterpret_cast<std::uintptr_t>(buffer.data());
    request.aio_nbytes = buffer.size();
    iocb* requests[] = {&request};
    io_event event{};
    Outcome done = outcome(syscall(SYS_io_submit, context, 1, requests));
    if (done.result == 1) {
        syscall(SYS_io_getevents, context, 1, 1, &event, nullptr);
        errno = event.res < 0 ? static_cast<int>(-event.res) : 0;
        done = outcome(event.res < 0 ? -1 : event.res);
    }
    syscall(SYS_io_destroy, context);
    return done;
}

TEST_F(NoWait, AReadOfAnEmptyDeviceGivesEAGAIN) {
    contract("P5", "N4");
    gives(ends(a, read_nowait), -1, EAGAIN);
    expect_parked(0, 0);
}

TEST_F(NoWait, AReadGetsTheMessageThatIsThere) {
    contract("P5", "N4");
    write_ok(b, "stays, or is read");
    const Outcome done = ends(a, read_nowait);
    gives(done, 17);
    if (done.result < 0) {
        expect_read(c, "stays, or is read");
    } else {
        EXPECT_EQ(done.bytes, "stays, or is read");
    }
}

TEST_F(NoWait, AWriteIsQueuedWhereThereIsRoom) {
    contract("P5", "N4");
    const Outcome done = ends(a, write_nowait, {Client::own, {}, "message", -1});
    gives(done, 7);
    expect_queued(done.result < 0 ? 0 : 1, done.result < 0 ? 0 : 7);
}

TEST_F(NoWait, AWriteToAFullFifoGivesEAGAIN) {
    contract("P5", "N4");
    become_fifo(1);
    fill(b);
    gives(ends(a, write_nowait, {Client::own, {}, "message", -1}), -1, EAGAIN);
    expect_queued(1, 1);
    expect_parked(0, 0);
}

TEST_F(NoWait, IsOfTheCallAndNotOfTheOpen) {
    contract("P5", "N4");
    static_cast<void>(ends(a, read_nowait));
    read_parks(a);
    write_ok(b, "hello");
    expect_read(a, "hello");
}

TEST_F(NoWait, OfAnIoUringReadGivesEAGAIN) {
    contract("P5", "N4");
    Uring ring(a);
    set_up(ring);
    ring.read_nowait(1, 5);
    submit(ring, 1);
    gives(completion(ring).outcome, -1, EAGAIN);
}

TEST_F(NoWait, OfAnAIOReadAndWriteGivesEAGAIN) {
    contract("P5", "N4");
    become_fifo(1);
    gives(ends(a, aio_nowait, {Client::own, {IOCB_CMD_PREAD}, "room", -1}), -1, EAGAIN);
    fill(b);
    gives(ends(a, aio_nowait, {Client::own, {IOCB_CMD_PWRITE}, "never", -1}), -1, EAGAIN);
    expect_queued(1, 1);
}

} // namespace
} // namespace ipcdev::conformance
