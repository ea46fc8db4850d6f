// SPDX-License-Identifier: MIT
//
// Chapter 'ioctl' of the contract, the two that change something: CONFIGURE and
// CLEAR. The ranges of the settings are in limits.cpp,
// and who may not set them in other_users.cpp.
#include <csignal>

#include <unistd.h>

#include "device_test.h"

namespace ipcdev::conformance {
namespace {

class Configure : public DeviceTest {
  protected:
    static Outcome set(unsigned mode, unsigned depth, unsigned max_message) {
        return observer().configure(mode, depth, max_message);
    }
    static void expect_settings(unsigned mode, unsigned depth, unsigned max_message,
                                Where where = Where::here()) {
        const ipcdev_info now = info();
        if (now.mode != mode || now.depth != depth || now.max_message != max_message) {
            fail("the settings are mode " + std::to_string(now.mode) + ", depth " +
                     std::to_string(now.depth) + ", max_message " + std::to_string(now.max_message),
                 where);
        }
    }
    // Refused with the error, and nothing has changed.
    static void expect_refused(unsigned mode, unsigned depth, unsigned max_message, int error,
                               Where where = Where::here()) {
        const ipcdev_info before = info();
        expect_error(set(mode, depth, max_message), error, where);
        expect_settings(before.mode, before.depth, before.max_message, where);
    }
    static constexpr unsigned keep = 0;
    static constexpr unsigned fifo = IPCDEV_MODE_FIFO;
    static constexpr unsigned slot = IPCDEV_MODE_SLOT;
};

using Clear = DeviceTest;

TEST_F(Configure, SetsModeDepthAndMaxMessage) {
    contract("I4");
    become_fifo(2, 5); // or skips, if this user may not
    expect_settings(fifo, 2, 5);
    write_ok(a, "1");
    write_ok(a, "five.");
    a.set_nonblocking();
    expect_error(a.write("3"), EAGAIN);
    expect_error(a.write("sixsix"), EMSGSIZE);
}

TEST_F(Configure, KeepsWhatIs0) {
    contract("I4");
    become_fifo(7, 77);
    expect_result(set(keep, keep, keep), 0);
    expect_settings(fifo, 7, 77);
    expect_result(set(keep, 8, keep), 0);
    expect_settings(fifo, 8, 77);
    expect_result(set(keep, keep, 88), 0);
    expect_settings(fifo, 8, 88);
    expect_result(set(slot, keep, keep), 0);
    expect_settings(slot, 1, 88);
    expect_result(set(keep, keep, 99), 0);
    expect_settings(slot, 1, 99);
}

TEST_F(Configure, SlotWithADepthOtherThan1GivesEINVAL) {
    contract("I4");
    become_fifo(7);
    expect_refused(slot, 2, keep, EINVAL);
    expect_refused(slot, 7, keep, EINVAL);
    become_slot();
    expect_refused(keep, 2, keep, EINVAL);
    expect_result(set(slot, 1, keep), 0);
}

TEST_F(Configure, SlotToFifoNeedsADepth) {
    contract("I4");
    become_slot();
    expect_refused(fifo, keep, keep, EINVAL);
    expect_result(set(fifo, 1, keep), 0);
    expect_settings(fifo, 1, IPCDEV_MESSAGE_DEFAULT);
}

TEST_F(Configure, AnUnknownModeGivesEINVAL) {
    contract("I4", "M4");
    become_fifo(7);
    for (const unsigned mode : {4U, 5U, 0x100U, 0x80000000U, 0xFFFFFFFFU}) {
        expect_refused(mode, keep, keep, EINVAL);
    }
}

TEST_F(Configure, GivesEBUSYWhileAMessageIsQueued) {
    contract("I4");
    become_fifo(7);
    write_ok(a, "queued");
    expect_refused(keep, 8, keep, EBUSY);
    expect_refused(slot, keep, keep, EBUSY);
    expect_read(a, "q", 1);
    expect_refused(keep, keep, 99, EBUSY); // it is begun
    expect_read(a, "ueued");
    expect_result(set(keep, 8, keep), 0);
}

TEST_F(Configure, GivesEBUSYWhileASlotHasAValue) {
    contract("I4");
    become_slot();
    write_ok(a, "value");
    expect_refused(fifo, 4, keep, EBUSY);
    expect_read(a, "value");
    expect_result(set(fifo, 4, keep), 0);
}

TEST_F(Configure, GivesEBUSYWhileAReadIsParked) {
    contract("I4");
    become_fifo(7);
    read_parks(a);
    expect_refused(keep, 8, keep, EBUSY);
    interrupt(a);
    expect_ended(a, EINTR);
    expect_result(set(keep, 8, keep), 0);
}

TEST_F(Configure, GivesEBUSYWhileAWriteIsParked) {
    contract("I4");
    become_fifo(1);
    fill(b);
    write_parks(a, "parked");
    expect_refused(keep, 8, keep, EBUSY);
    observer().clear();
    expect_written(a, 6);
    expect_refused(keep, 8, keep, EBUSY); // its message is queued now
    observer().clear();
    expect_result(set(keep, 8, keep), 0);
}

TEST_F(Configure, IsNotDisturbedByOpensAndPollers) {
    contract("I4");
    become_fifo(7);
    static_cast<void>(b.fd());
    a.start_poll(POLLIN);
    waits(a);
    expect_result(set(keep, 8, keep), 0);
    write_ok(b, "x");
    expect_events(a.result(), POLLIN);
}

TEST_F(Configure, TakesEffectForDescriptorsThatAreOpenAlready) {
    contract("I4");
    static_cast<void>(a.fd());
    become_slot(10);
    write_ok(a, "old");
    write_ok(a, "new");
    expect_read(a, "new");
    expect_error(a.write("eleven byte"), EMSGSIZE);
}

TEST_F(Configure, IsAllowedToRootAndToTheOneWhoServes) {
    contract("I4");
    if (geteuid() != 0 && !Server::ours()) {
        skip("this user is neither root nor the one who serves");
    }
    if (geteuid() != 0 && info().server == IPCDEV_SERVER_MODULE) {
        skip("the module asks for CAP_SYS_ADMIN");
    }
    expect_result(set(keep, 7, keep), 0);
    expect_settings(fifo, 7, IPCDEV_MESSAGE_DEFAULT);
}

// --- CLEAR

TEST_F(Clear, DropsAllQueuedMessagesAndCountsThem) {
    contract("I5");
    const ipcdev_stats before = stats();
    write_ok(a, "one");
    write_ok(a, "two");
    write_ok(a, "three");
    expect_result(a.ioctl(IPCDEV_IOC_CLEAR), 0);
    expect_queued(0, 0);
    EXPECT_EQ(stats().messages_cleared - before.messages_cleared, 3U);
    EXPECT_EQ(stats().messages_read, before.messages_read);
    EXPECT_EQ(stats().bytes_read, before.bytes_read);
    a.set_nonblocking();
    expect_error(a.read(10), EAGAIN);
}

TEST_F(Clear, CountsWhatACloseLeftOfAMessageAsOneCleared) {
    contract("I5", "O3");
    const ipcdev_stats before = stats();
    write_ok(a, "half read");
    expect_read(b, "half", 4);
    expect_result(b.close(), 0);
    wait_opens(2);
    expect_queued(1, 5);
    expect_result(a.ioctl(IPCDEV_IOC_CLEAR), 0);
    expect_queued(0, 0);
    EXPECT_EQ(stats().messages_cleared - before.messages_cleared, 1U);
    EXPECT_EQ(stats().messages_read, before.messages_read);
    EXPECT_EQ(stats().bytes_read - before.bytes_read, 4U);
}

TEST_F(Clear, DropsTheValueOfASlot) {
    contract("I5");
    become_slot();
    const ipcdev_stats before = stats();
    write_ok(a, "value");
    expect_result(a.ioctl(IPCDEV_IOC_CLEAR), 0);
    expect_queued(0, 0);
    EXPECT_EQ(stats().messages_cleared - before.messages_cleared, 1U);
    EXPECT_EQ(stats().messages_overwritten, before.messages_overwritten);
}

TEST_F(Clear, AdmitsParkedWritersInTheirOrderAsManyAsHaveRoom) {
    contract("I5", "W6");
    become_fifo(2);
    fill(d);
    std::vector<Client> writers = crowd("writer", 3);
    for (unsigned i = 0; i < 3; ++i) {
        write_parks(writers[i], "w" + std::to_string(i));
    }
    expect_result(d.ioctl(IPCDEV_IOC_CLEAR), 0);
    expect_written(writers[0], 2);
    expect_written(writers[1], 2);
    still_parked(writers[2]);
    expect_queued(2, 4);
    expect_read(d, "w0");
    expect_written(writers[2], 2);
    expect_read(d, "w1");
    expect_read(d, "w2");
}

TEST_F(Clear, LeavesParkedReadersParked) {
    contract("I5");
    read_parks(a);
    expect_result(b.ioctl(IPCDEV_IOC_CLEAR), 0);
    still_parked(a);
    write_ok(b, "x");
    expect_read(a, "x");
}

TEST_F(Clear, OfAnEmptyQueueChangesNothing) {
    contract("I5");
    const std::string before = bytes_of(stats());
    expect_result(a.ioctl(IPCDEV_IOC_CLEAR), 0);
    EXPECT_EQ(bytes_of(stats()), before);
}

// open(2): with 3 it asks for both permissions, and gives an open for ioctls alone.
TEST_F(Clear, ByAnOpenForNeitherReadingNorWritingGivesEBADF) {
    contract("I5", "O5");
    write_ok(b, "stays");
    open_ok(a, O_ACCMODE);
    expect_error(a.ioctl(IPCDEV_IOC_CLEAR), EBADF);
    expect_error(a.read(1), EBADF);
    expect_error(a.write("x"), EBADF);
    expect_queued(1, 5);
    expect_read(b, "stays");
}

TEST_F(Clear, NeedsAnOpenForWritingElseItGivesEBADF) {
    contract("I5", "O5");
    write_ok(b, "stays");
    ASSERT_GE(a.open(O_RDONLY).result, 0);
    expect_error(a.ioctl(IPCDEV_IOC_CLEAR), EBADF);
    expect_queued(1, 5);
    ASSERT_GE(a.open(O_WRONLY).result, 0);
    expect_result(a.ioctl(IPCDEV_IOC_CLEAR), 0);
    expect_queued(0, 0);
}

TEST_F(Clear, MakesAFullFifoWritable) {
    contract("I5", "P3");
    become_fifo(1);
    fill(b);
    a.start_poll(POLLOUT);
    waits(a);
    expect_result(b.ioctl(IPCDEV_IOC_CLEAR), 0);
    expect_events(a.result(), POLLOUT);
}

} // namespace
} // namespace ipcdev::conformance
