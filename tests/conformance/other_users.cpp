// SPDX-License-Identifier: MIT
//
// Who may use the device and who may not, over all chapters of the contract. The
// suite must run as root, to become other users.
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include "device_test.h"
#include "options.h"
#include "support/user.h"

namespace ipcdev::conformance {
namespace {

constexpr uid_t nobody = 65534;
constexpr uid_t somebody = 65533;
constexpr int no_descriptor = 0; // for a client that is not to open the device yet

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
};

uid_t owner_of_the_device() {
    struct stat status {};
    return stat(options().device.c_str(), &status) == 0 ? status.st_uid : 0;
}

TEST_F(OtherUsers, MayNotOpenByDefault) {
    contract("node permissions: 0600 of the one who serves");
    needs_own_server();
    server().end(SIGTERM);
    server().ensure();
    turn_into(a, nobody);
    for (const int mode : {O_RDONLY, O_WRONLY, O_RDWR}) {
        expect_error(a.open(mode), EACCES);
    }
}

TEST_F(OtherUsers, MayOpenWhereThePermissionsSaySo) {
    contract("node permissions: mode, owner, group are settings");
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
    contract("CONFIGURE: root or the one who serves (the module: CAP_SYS_ADMIN); else EPERM");
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
    contract("who may use a file served by an ordinary user: that user only, root excluded");
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
