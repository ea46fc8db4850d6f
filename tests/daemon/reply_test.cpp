// SPDX-License-Identifier: MIT
//
// What the kernel makes of answers that a process gives after another one was killed, on a FUSE
// file of the test's own. Each call tries one thing; how that went is its errno.
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

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

// The errno by which a call of the client says that all was as expected.
constexpr int as_expected = EXDEV;

// Serves the file. A read parks until it was interrupted twice.
class Server {
  public:
    explicit Server(int connection) : connection_(connection) {}

    // Whether the request was for this, not for libfuse.
    bool take(const fuse_in_header& header, const std::byte* arguments) {
        switch (header.opcode) {
        case FUSE_WRITE:
            answer_twice(header.unique);
            return true;
        case FUSE_FSYNC:
            ask_whether_answered(header.unique);
            return true;
        case FUSE_READ:
            parked_ = header.unique;
            repeat_interrupt(connection_, parked_); // without effect: there was none
            return true;
        case FUSE_INTERRUPT: {
            fuse_interrupt_in in{};
            std::memcpy(&in, arguments, sizeof(in));
            interrupt(in.unique);
            return true;
        }
        default:
            return false;
        }
    }

  private:
    // The client learns from the answer to its next call how the second answer went.
    void answer_twice(std::uint64_t unique) {
        if (second_ == Sent::unknown) {
            answer_error(connection_, unique, as_expected);
            return;
        }
        answer_count(connection_, unique, 1);
        second_ = answer_count(connection_, unique, 1);
    }

    void ask_whether_answered(std::uint64_t unique) {
        const bool before = is_unanswered(connection_, unique);
        const bool no_request = is_unanswered(connection_, unique + 2);
        answer_error(connection_, unique, before && !no_request && !was_answered_ ? 0 : EIO);
        was_answered_ = is_unanswered(connection_, unique);
    }

    void interrupt(std::uint64_t unique) {
        ++interrupts_;
        if (unique != parked_) {
            answer_error(connection_, parked_, EIO);
        } else if (interrupts_ == 1) {
            repeat_interrupt(connection_, unique);
        } else {
            answer_error(connection_, unique, as_expected);
            repeat_interrupt(connection_, unique); // without effect: it is answered
        }
    }

    const int connection_;
    Sent second_ = Sent::taken;
    bool was_answered_ = false;
    std::uint64_t parked_ = 0;
    int interrupts_ = 0;
};

int serve(const fs::path& path, int mounted) {
    std::array<char, 8> program{"answers"};
    std::array<char*, 1> arguments{program.data()};
    fuse_args args FUSE_ARGS_INIT(arguments.size(), arguments.data());
    const fuse_lowlevel_ops ops = callbacks();
    fuse_session* session = fuse_session_new(&args, &ops, sizeof(ops), nullptr);
    if (session == nullptr || fuse_session_mount(session, path.c_str()) != 0 ||
        write(mounted, "m", 1) != 1) {
        return 1;
    }
    Server server(fuse_session_fd(session));
    fuse_buf buffer{};
    while (fuse_session_receive_buf(session, &buffer) > 0) {
        fuse_in_header header{};
        std::memcpy(&header, buffer.mem, sizeof(header));
        if (!server.take(header, static_cast<const std::byte*>(buffer.mem) + sizeof(header))) {
            fuse_session_process_buf(session, &buffer);
        }
    }
    return 0;
}

class AnswerToTheKernel : public FuseTest {
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
        server_ = Process([&] { return serve(file(), in.get()); });
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

TEST_F(AnswerToTheKernel, IsUnknownWhereItComesASecondTime) {
    EXPECT_EQ(write(fd(), "x", 1), 1);
    EXPECT_EQ(write(fd(), "x", 1), -1);
    EXPECT_EQ(errno, as_expected);
}

TEST_F(AnswerToTheKernel, CanBeAskedForWithoutGivingIt) {
    EXPECT_EQ(fsync(fd()), 0) << "unanswered before, and still so after it was asked";
    EXPECT_EQ(fsync(fd()), 0) << "the first was answered when it was asked again";
}

TEST_F(AnswerToTheKernel, ToAnInterruptMakesItComeAgain) {
    std::array<int, 2> prepared{};
    ASSERT_EQ(pipe2(prepared.data(), O_CLOEXEC), 0);
    const Descriptor out(prepared[0]);
    const Descriptor in(prepared[1]);
    Process reader([&] {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        sigaction(SIGUSR1, &action, nullptr);
        char byte = 0;
        return write(in.get(), "p", 1) == 1 && read(fd(), &byte, 1) == -1 ? errno : 0;
    });
    char byte = 0;
    ASSERT_EQ(read(out.get(), &byte, 1), 1);
    // The signal may come before the read does. The kernel interrupts a request only once.
    while (!reader.ends_within(10'000)) {
        reader.signal(SIGUSR1);
    }
    EXPECT_EQ(reader.wait(), as_expected);
}

} // namespace

} // namespace ipcdev::daemon_tests
