// SPDX-License-Identifier: MIT
//
// Who may use the device and who may not, over all chapters of the contract. The
// suite must run as root, to become other users.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device_test.h"
#include "many_calls.h"
#include "options.h"
#include "support/user.h"

namespace ipcdev::conformance {
namespace {

constexpr uid_t nobody = 65534;
constexpr uid_t somebody = 65533;

// numbers: the user to become, for good.
Outcome become_user(const Call& call) {
    become(static_cast<uid_t>(call.numbers[0])); // or ends, and says why
    return {};
}

// bytes: the path.
Outcome open_path(const Call& call) {
    const int fd = ::open(call.bytes.c_str(), O_RDWR | O_CLOEXEC);
    return outcome(fd < 0 ? fd : ::close(fd));
}

class OtherUsers : public DeviceTest {
  protected:
    void SetUp() override {
        if (geteuid() != 0) {
            skip("only root can become another user");
        }
        DeviceTest::SetUp();
    }

    static void turn_into(Client& client, uid_t user, Where where = Where::here()) {
        static_cast<void>(client.pid()); // starts it
        expect_result(client.run(become_user, {no_descriptor, {user}, {}, -1}), 0, where);
    }

    // Processes of that user's, with an open each.
    static std::vector<Client> crowd_of(uid_t user) {
        std::vector<Client> clients = crowd("process", processes);
        for (Client& client : clients) {
            turn_into(client, user);
        }
        return clients;
    }

    static ipcdev_waiters waiters_as(Client& client, unsigned first = 0,
                                     Where where = Where::here()) {
        ipcdev_waiters asked{};
        asked.size = sizeof(asked);
        asked.first = first;
        const Outcome done = client.ioctl(IPCDEV_IOC_WAITERS, bytes_of(asked));
        expect_result(done, 0, where);
        return from_bytes<ipcdev_waiters>(done.bytes);
    }
    // The reads that it sees parked have these counts, from this index on.
    static void sees(Client& client, const std::vector<std::uint64_t>& counts, unsigned first = 0,
                     Where where = Where::here()) {
        const ipcdev_waiters seen = waiters_as(client, first, where);
        EXPECT_EQ(seen.total, first + counts.size()) << client.name();
        if (seen.count != counts.size()) {
            fail(client.name() + " sees " + std::to_string(seen.count) + " calls", where);
        }
        for (unsigned i = 0; i < IPCDEV_WAITERS_PER_CALL; ++i) {
            EXPECT_EQ(seen.waiters[i].bytes, i < counts.size() ? counts[i] : 0) << client.name();
        }
    }

    static void start_or_skip(std::vector<Client>& clients, Action in_threads, unsigned count) {
        if (!start_threads(clients, in_threads, count)) {
            skip("user " + std::to_string(nobody) + " may not start 2,048 threads");
        }
    }
};

uid_t owner_of_the_device() {
    struct stat status {};
    return stat(options().device.c_str(), &status) == 0 ? status.st_uid : 0;
}

TEST_F(OtherUsers, MayNotOpenByDefault) {
    contract("M5");
    needs_own_server();
    server().end(SIGTERM);
    server().ensure();
    turn_into(a, nobody);
    for (const int mode : {O_RDONLY, O_WRONLY, O_RDWR}) {
        expect_error(a.open(mode), EACCES);
    }
}

TEST_F(OtherUsers, MayOpenWhereThePermissionsSaySo) {
    contract("M5");
    serve_with("--permissions 0666");
    turn_into(a, nobody);
    write_ok(a, "by nobody");
    expect_read(b, "by nobody");
    a.end();
    b.end(); // a module that is open can't be loaded anew
    serve_with("--permissions 0440 --owner 65533 --group 65534");
    observer().wait_until([](const ipcdev_info&) { return owner_of_the_device() == somebody; },
                          "the owner is given");
    turn_into(c, somebody);
    turn_into(d, nobody);
    for (Client* reader : {&c, &d}) {
        EXPECT_GE(reader->open(O_RDONLY).result, 0);
        expect_error(reader->open(O_WRONLY), EACCES);
    }
}

TEST_F(OtherUsers, MayNotConfigureButMayUseWhatIsOpen) {
    contract("I4");
    static_cast<void>(a.fd());
    turn_into(a, nobody);
    ipcdev_configure wanted{};
    wanted.size = sizeof(wanted);
    wanted.depth = 7;
    expect_error(a.ioctl(IPCDEV_IOC_CONFIGURE, bytes_of(wanted)), EPERM);
    EXPECT_EQ(info().depth, static_cast<unsigned>(IPCDEV_DEPTH_DEFAULT));
    write_ok(a, "the rest it may");
    expect_read(a, "the rest it may");
    expect_result(a.ioctl(IPCDEV_IOC_CLEAR), 0);
}

// --- who else waits

TEST_F(OtherUsers, SeeNoParkedCallsButTheirOwn) {
    contract("I3");
    serve_with("--permissions 0666");
    std::vector<Client> readers = crowd("reader", 5);
    for (unsigned i = 0; i < readers.size(); ++i) {
        turn_into(readers[i], i % 2 == 0 ? nobody : somebody);
        read_parks(readers[i], 100 + i);
    }
    read_parks(d, 200); // root's
    turn_into(a, nobody);
    sees(a, {100, 102, 104});
    sees(a, {102, 104}, 1);
    sees(a, {104}, 2);
    EXPECT_EQ(waiters_as(a).waiters[0].pid, readers[0].pid());
    EXPECT_EQ(waiters_as(a, 3).total, 3U);
    EXPECT_EQ(waiters_as(a, 3).count, 0U);
    turn_into(b, somebody);
    sees(b, {101, 103});
    sees(c, {100, 101, 102, 103, 104, 200}); // root
    expect_parked(6, 0);
}

TEST_F(OtherUsers, SeeNoParkedWritesOfOthers) {
    contract("I3");
    serve_with("--permissions 0666");
    become_fifo(1);
    fill(d);
    write_parks(d, "root's");
    turn_into(a, nobody);
    write_parks(a, "by nobody");
    turn_into(b, nobody);
    const ipcdev_waiters seen = waiters_as(b);
    ASSERT_EQ(seen.count, 1U);
    EXPECT_EQ(seen.total, 1U);
    EXPECT_EQ(seen.waiters[0].operation, static_cast<unsigned>(IPCDEV_WAITER_WRITE));
    EXPECT_EQ(seen.waiters[0].bytes, 9U);
    turn_into(c, somebody);
    EXPECT_EQ(waiters_as(c).total, 0U);
}

TEST_F(OtherUsers, WhoOwnsTheDeviceSeesAllParkedCalls) {
    contract("I3");
    serve_with("--permissions 0666 --owner 65533 --group 65533");
    observer().wait_until([](const ipcdev_info&) { return owner_of_the_device() == somebody; },
                          "the owner is given");
    turn_into(a, nobody);
    read_parks(a, 1);
    read_parks(b, 2); // root's
    turn_into(c, somebody);
    sees(c, {1, 2});
    turn_into(d, nobody);
    sees(d, {1});
}

TEST_F(OtherUsers, SeeParkedCallsByTheRightsOfWhoOpened) {
    contract("I3", "W8");
    static_cast<void>(a.fd()); // root's
    static_cast<void>(b.fd());
    turn_into(a, nobody);
    turn_into(b, somebody);
    read_parks(a, 1);
    sees(b, {1});
}

// --- how much of it

constexpr unsigned half = IPCDEV_PARKED_PER_USER_MAX;

TEST_F(OtherUsers, MayParkHalfOfAllOperationsEach) {
    contract("W8");
    serve_with("--permissions 0666");
    std::vector<Client> parked = crowd_of(nobody);
    start_or_skip(parked, read_in_threads, half);
    wait_parked_readers(half);
    turn_into(a, nobody);
    expect_error(a.read(1), ENOBUFS);
    a.set_nonblocking();
    expect_error(a.read(1), EAGAIN); // this one would not park
    turn_into(b, somebody);
    read_parks(b);
    read_parks(c);    // root's
    write_ok(a, "x"); // completes one of nobody's
    wait_parked_readers(half + 1);
    a.set_nonblocking(false);
    read_parks(a, 1);
    expect_error(parked.front().read(1), ENOBUFS);
}

TEST_F(OtherUsers, MayReadBesideHalfOfAllOperationsParkedInWrites) {
    contract("W8");
    serve_with("--permissions 0666");
    become_fifo(1);
    write_ok(d, "root's");
    std::vector<Client> parked = crowd_of(nobody);
    start_or_skip(parked, write_in_threads, half);
    wait_parked_writers(half);
    turn_into(a, nobody);
    expect_error(a.write("y"), ENOBUFS);
    turn_into(b, somebody);
    write_parks(b, "somebody's");
    expect_read(a, "root's");
    wait_parked_writers(half);
    write_parks(a, "nobody's");
}

TEST_F(OtherUsers, MayHaveHalfOfAllCopiesEach) {
    contract("W8");
    serve_with("--permissions 0666");
    if (info().server != IPCDEV_SERVER_MODULE) {
        skip("a daemon's copies are over at once: Limits.AReaderThatStallsKeepsWhatItTook has it");
    }
    become_fifo(2);
    std::vector<Client> stalled = crowd("process", processes);
    for (Client& process : stalled) {
        ASSERT_TRUE(make_stalling_memory(process));
        turn_into(process, nobody);
    }
    constexpr unsigned each = half / processes;
    for (Client& process : stalled) { // the bytes of a message are for one open
        write_ok(d, pattern(each));
        if (!start_threads(process, read_stalling_in_threads, each)) {
            skip("user " + std::to_string(nobody) + " may not start 2,048 threads");
        }
        observer().wait_until(
            [](const ipcdev_info& now) {
                return now.queued_messages == 0 && now.begun_messages == 0;
            },
            "each of the readers has taken its byte");
    }
    write_ok(d, "for b");
    write_ok(d, "for c");
    turn_into(a, nobody);
    expect_error(a.read(1), ENOBUFS);
    expect_error(a.write("y"), ENOBUFS);
    turn_into(b, somebody);
    EXPECT_EQ(b.read(1).result, 1);
    EXPECT_EQ(c.read(1).result, 1); // root's
    write_parks(b, "y");
}

TEST_F(OtherUsers, WhoOwnsTheDeviceMayParkAllOperations) {
    contract("W8");
    serve_with("--permissions 0600 --owner 65533 --group 65533");
    observer().wait_until([](const ipcdev_info&) { return owner_of_the_device() == somebody; },
                          "the owner is given");
    std::vector<Client> parked = crowd_of(somebody);
    start_or_skip(parked, read_in_threads, half + 4);
    wait_parked_readers(half + 4);
}

TEST_F(OtherUsers, ParkByTheRightsOfWhoOpened) {
    contract("W8");
    std::vector<Client> parked = crowd("process", processes);
    for (Client& process : parked) {
        static_cast<void>(process.fd()); // root's
        turn_into(process, nobody);
    }
    start_or_skip(parked, read_in_threads, half + 4);
    wait_parked_readers(half + 4);
}

Outcome make_user_namespace(const Call& /*call*/) {
    return outcome(unshare(CLONE_NEWUSER));
}

// numbers: a user of the namespace.
Outcome become_user_there(const Call& call) {
    const auto user = static_cast<uid_t>(call.numbers[0]);
    return outcome(setresuid(user, user, user));
}

// As newuidmap(1) does for users who have subordinate ids.
void map_user(Client& client, const std::string& map) {
    std::ofstream file("/proc/" + std::to_string(client.pid()) + "/uid_map");
    file << map << std::flush;
    if (!file) {
        throw std::runtime_error("can't map users of " + client.name());
    }
}

TEST_F(OtherUsers, OfAUserNamespaceParkForItsMaker) {
    contract("W8");
    serve_with("--permissions 0666");
    std::vector<Client> parked = crowd_of(nobody);
    start_or_skip(parked, read_in_threads, half);
    wait_parked_readers(half);
    turn_into(a, nobody);
    if (a.run(make_user_namespace, {no_descriptor, {}, {}, -1}).result < 0) {
        skip("this machine lets no ordinary user make a user namespace");
    }
    map_user(a, "0 65534 1\n1 70001 1\n");
    expect_result(a.run(become_user_there, {no_descriptor, {1}, {}, -1}), 0);
    if (info().server == IPCDEV_SERVER_MODULE) {
        expect_error(a.read(1), ENOBUFS);
    } else {
        read_parks(a, 1);
        declared_difference("a subordinate id is a user of its own");
    }
}

// --- a file that an ordinary user serves

// A folder of that user's, and the suite's serve command for a file in it.
class ServedByNobody {
  public:
    ServedByNobody() {
        char name[] = "/tmp/ipcdev-XXXXXX";
        folder_ = mkdtemp(name);
        static_cast<void>(chown(name, nobody, nobody));
        Command started = serve_command(path());
        started.user = nobody;
        program_ = Program(started);
    }
    ServedByNobody(const ServedByNobody&) = delete;
    ServedByNobody& operator=(const ServedByNobody&) = delete;
    ~ServedByNobody() {
        program_.kill(SIGTERM);
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    [[nodiscard]] std::string path() const { return folder_ + "/ipcdev"; }
    Program& program() { return program_; }

  private:
    std::string folder_;
    Program program_;
};

TEST_F(OtherUsers, RootIncludedMayNotOpenAFileThatAnOrdinaryUserServes) {
    contract("M5");
    needs_own_server();
    if (info().server != IPCDEV_SERVER_FUSE) {
        skip("is about FUSE files");
    }
    ServedByNobody served;
    const Call open_it{no_descriptor, {}, served.path(), -1};
    turn_into(a, nobody);
    turn_into(b, somebody);
    turn_into(c, 0);
    for (unsigned attempt = 0; a.run(open_path, open_it).result < 0; ++attempt) {
        if (served.program().ended()) {
            skip("no ordinary user can serve here: " + served.program().errors());
        }
        back_off(attempt);
    }
    expect_error(b.run(open_path, open_it), EACCES);
    expect_error(c.run(open_path, open_it), EACCES);
    declared_difference("that user only, root excluded");
}

} // namespace
} // namespace ipcdev::conformance
