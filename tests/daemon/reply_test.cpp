// SPDX-License-Identifier: MIT
//
// Unit tests of Reply, on a FUSE file of their own: whoever owns one and does not answer,
// answers EIO by that.
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "fixture.h"
#include "reply.h"

namespace ipcdev::daemon_tests {

namespace {

fuse_lowlevel_ops callbacks() {
    fuse_lowlevel_ops ops{};
    ops.getattr = [](fuse_req_t request, fuse_ino_t, fuse_file_info*) {
        struct stat file {};
        file.st_ino = FUSE_ROOT_ID;
        file.st_mode = S_IFREG | 0600;
        file.st_nlink = 1;
        file.st_uid = geteuid();
        file.st_size = 1 << 20;
        fuse_reply_attr(request, &file, 0);
    };
    ops.open = [](fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
        file->direct_io = 1;
        fuse_reply_open(request, file);
    };
    return ops;
}

// A read drops its reply, a write assigns over it after a move, an ioctl moves it, a poll assigns
// over it, an fsync answers it.
bool answer_carelessly(int connection, const fuse_in_header& request) {
    if (request.opcode == FUSE_READ) {
        const Reply dropped(connection, request.unique);
        return true;
    }
    if (request.opcode == FUSE_WRITE) {
        Reply first(connection, request.unique);
        Reply second;
        second = std::move(first); // answers once, from here
        second = Reply();
        return true;
    }
    if (request.opcode == FUSE_IOCTL) {
        Reply first(connection, request.unique);
        Reply second(std::move(first));
        Reply third;
        third = std::move(second); // answers once, from here
        return true;
    }
    if (request.opcode == FUSE_POLL) {
        Reply assigned_over(connection, request.unique);
        assigned_over = Reply();
        return true;
    }
    if (request.opcode == FUSE_FSYNC) {
        Reply answered(connection, request.unique);
        answered.error(EXDEV); // and not again at its end
        return true;
    }
    return false;
}

int serve_carelessly(const fs::path& path, int mounted) {
    std::array<char, 8> program{"careles"};
    std::array<char*, 1> arguments{program.data()};
    fuse_args args FUSE_ARGS_INIT(arguments.size(), arguments.data());
    const fuse_lowlevel_ops ops = callbacks();
    fuse_session* session = fuse_session_new(&args, &ops, sizeof(ops), nullptr);
    if (session == nullptr || fuse_session_mount(session, path.c_str()) != 0 ||
        write(mounted, "m", 1) != 1) {
        return 1;
    }
    fuse_buf buffer{};
    while (fuse_session_receive_buf(session, &buffer) > 0) {
        fuse_in_header request{};
        std::memcpy(&request, buffer.mem, sizeof(request));
        if (!answer_carelessly(fuse_session_fd(session), request)) {
            fuse_session_process_buf(session, &buffer);
        }
    }
    return 0;
}

class ReplyThatIsNotGiven : public FuseTest {
  protected:
    void SetUp() override {
        FuseTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        make_file(file(), "");
        std::array<int, 2> mounted{};
        ASSERT_EQ(pipe2(mounted.data(), O_CLOEXEC), 0);
        const Descriptor out(mounted[0]);
        Descriptor in(mounted[1]);
        server_ = Process([&] { return serve_carelessly(file(), in.get()); });
        in.close();
        char byte = 0;
        ASSERT_EQ(read(out.get(), &byte, 1), 1);
        device_ = open_device(file());
    }
    void TearDown() override {
        device_.close();
        server_.kill();
        FuseTest::TearDown();
    }
    [[nodiscard]] int fd() const { return device_.get(); }

  private:
    Process server_;
    Descriptor device_;
};

TEST_F(ReplyThatIsNotGiven, IsEIOWhereItIsDropped) {
    char byte = 0;
    EXPECT_EQ(read(fd(), &byte, 1), -1);
    EXPECT_EQ(errno, EIO);
}

TEST_F(ReplyThatIsNotGiven, IsEIOWhereAnotherIsAssigned) {
    EXPECT_EQ(write(fd(), "x", 1), -1);
    EXPECT_EQ(errno, EIO);
    pollfd asked{.fd = fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&asked, 1, -1), 1);
    EXPECT_EQ(asked.revents, POLLERR) << "what the kernel makes of an error";
}

TEST_F(ReplyThatIsNotGiven, IsEIOOnceWhereItIsMoved) {
    ipcdev_info out{};
    EXPECT_EQ(ioctl(fd(), IPCDEV_IOC_INFO, &out), -1);
    EXPECT_EQ(errno, EIO);
    EXPECT_EQ(ioctl(fd(), IPCDEV_IOC_INFO, &out), -1) << "the server lives";
}

TEST_F(ReplyThatIsNotGiven, IsNotAddedToOneThatIs) {
    EXPECT_EQ(fsync(fd()), -1);
    EXPECT_EQ(errno, EXDEV);
    EXPECT_EQ(fsync(fd()), -1);
    EXPECT_EQ(errno, EXDEV);
}

} // namespace

} // namespace ipcdev::daemon_tests
