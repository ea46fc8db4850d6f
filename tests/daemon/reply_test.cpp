// SPDX-License-Identifier: MIT
//
// Unit tests of Reply, on a FUSE file of their own: whoever owns one and does
// not answer, answers EIO by that.
#include <fuse_lowlevel.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "fixture.h"
#include "pending.h"

namespace ipcdev::daemon_tests {

namespace {

// A read drops its reply, a write assigns over it, an ioctl moves it first, an
// fsync answers it.
fuse_lowlevel_ops careless_callbacks() {
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
    ops.read = [](fuse_req_t request, fuse_ino_t, std::size_t, off_t, fuse_file_info*) {
        const Reply dropped(request);
    };
    ops.write = [](fuse_req_t request, fuse_ino_t, const char*, std::size_t, off_t,
                   fuse_file_info*) {
        Reply assigned_over(request);
        assigned_over = Reply();
    };
    ops.ioctl = [](fuse_req_t request, fuse_ino_t, unsigned, void*, fuse_file_info*, unsigned,
                   const void*, std::size_t, std::size_t) {
        Reply first(request);
        Reply second(std::move(first));
        Reply third;
        third = std::move(second); // answers once, from here
    };
    ops.fsync = [](fuse_req_t request, fuse_ino_t, int, fuse_file_info*) {
        Reply answered(request);
        answered.error(EXDEV); // and not again at its end
    };
    return ops;
}

int serve_carelessly(const fs::path& path, int mounted) {
    std::array<char, 8> program{"careles"};
    std::array<char*, 1> arguments{program.data()};
    fuse_args args FUSE_ARGS_INIT(arguments.size(), arguments.data());
    const fuse_lowlevel_ops ops = careless_callbacks();
    fuse_session* session = fuse_session_new(&args, &ops, sizeof(ops), nullptr);
    if (session == nullptr || fuse_session_mount(session, path.c_str()) != 0 ||
        write(mounted, "m", 1) != 1) {
        return 1;
    }
    return fuse_session_loop(session);
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
