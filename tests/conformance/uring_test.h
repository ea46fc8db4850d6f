// SPDX-License-Identifier: MIT
//
// Verbs for tests with io_uring, and for others whose calls must not wait.
#pragma once

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>

#include "batch_test.h"
#include "uring.h"

namespace ipcdev::conformance {

class UringTest : public BatchTest {
  protected:
    // Of the client, which opens the device first.
    static void set_up(Uring& ring, unsigned flags = 0, Where where = Where::here()) {
        static_cast<void>(ring.client().fd());
        const Outcome done = ring.set_up(flags);
        if (done.error == EPERM || done.error == ENOSYS) {
            skip("io_uring is not allowed here: " + done.text(), where);
        }
        expect_result(done, 0, where);
        if (is_a_file() && submissions_wait(where)) {
            ring.have_workers_read();
        }
    }

    // Of reads, as the kernel makes those of a regular file before Linux 6.5: as if they
    // never waited. The same for all tests.
    static bool submissions_wait(Where where) {
        static const bool wait = [&] {
            Client client("who tries it");
            Uring ring(client);
            static_cast<void>(client.fd());
            expect_result(ring.set_up(), 0, where);
            ring.read(1, 1);
            ring.start_submit();
            unsigned attempt = 0;
            while (!client.finished() && !submitter_is_parked(client)) {
                back_off(attempt++);
            }
            const bool parked = !client.finished();
            killed(client, where);
            return parked;
        }();
        wait_parked_readers(0);
        return wait;
    }

    // Does the client's thread, or the kernel's thread that submits for it, wait in the
    // device? A worker of io_uring may.
    static bool submitter_is_parked(Client& client) {
        const ipcdev_waiters parked = observer().waiters();
        const auto* end = parked.waiters + parked.count;
        return std::any_of(parked.waiters, end, [&](const ipcdev_waiter& waiter) {
            return waiter.pid == client.pid() || name_of(waiter.pid).starts_with("iou-sqp");
        });
    }

    // The call that the client has under way ends, and the submitter does not park.
    static void finishes_without_parking(Client& client, Where where) {
        for (unsigned attempt = 0; !client.finished(); ++attempt) {
            if (submitter_is_parked(client)) {
                fail(client.name() + ": the submission waits in the device", where);
            }
            back_off(attempt);
        }
    }

    // The submission returns, and nothing that must not wait is parked meanwhile. The
    // kernel's thread may have others yet to take.
    static void submit(Uring& ring, unsigned operations, Where where = Where::here()) {
        ring.start_submit();
        finishes_without_parking(ring.client(), where);
        const Outcome done = ring.client().result();
        if (done.result < operations) {
            fail("the submission gives " + done.text(), where);
        }
    }

    static UringCompletion completion(Uring& ring, Where where = Where::here()) {
        ring.start_completion();
        finishes_without_parking(ring.client(), where);
        return ring.completion();
    }

    // The next completion is of that operation, with that result.
    static void expect_completed(Uring& ring, std::uint32_t name, std::int64_t result,
                                 Where where = Where::here()) {
        const UringCompletion done = completion(ring, where);
        expect_name(done, name, where);
        expect_result(done.outcome, result, where);
    }
    static void expect_completed(Uring& ring, std::uint32_t name, std::string_view bytes,
                                 Where where = Where::here()) {
        const UringCompletion done = completion(ring, where);
        expect_name(done, name, where);
        if (done.outcome.bytes != bytes) {
            fail("operation " + std::to_string(name) + " got " + done.outcome.text(), where);
        }
    }
    static void expect_polled(Uring& ring, std::uint32_t name, std::uint32_t events,
                              Where where = Where::here()) {
        const UringCompletion done = completion(ring, where);
        expect_name(done, name, where);
        expect_result(done.outcome, events, where);
        EXPECT_TRUE(done.more) << "the poll does not go on";
    }

    // No open but the suite's and these is left, so no operation is either.
    static void wait_until_only_these_are_open(unsigned others) {
        wait_opens(1 + others);
        expect_parked(0, 0);
    }

  private:
    static void expect_name(const UringCompletion& done, std::uint32_t name, Where where) {
        if (done.name != name) {
            fail("operation " + std::to_string(done.name) + " completed with " +
                     done.outcome.text() + ", not " + std::to_string(name),
                 where);
        }
    }

    static std::string name_of(pid_t thread) {
        std::ifstream file("/proc/" + std::to_string(thread) + "/comm");
        std::string name;
        std::getline(file, name);
        return name;
    }
};

} // namespace ipcdev::conformance
