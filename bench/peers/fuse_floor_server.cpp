// SPDX-License-Identifier: MIT
#include "peers/fuse_floor_server.h"

#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "crew.h"
#include "interruption.h"
#include "peer.h"
#include "support/errors.h"
#include "support/mounts.h"

namespace ipcdev::bench {

namespace {

// As ipcdevd's (cuse/session_fuse.cpp): otherwise this would be another floor.
constexpr std::uint32_t open_flags =
    FOPEN_DIRECT_IO | FOPEN_STREAM | FOPEN_PARALLEL_DIRECT_WRITES | FOPEN_NOFLUSH;

constexpr std::size_t payload_bytes_max = 1U << 20;
constexpr std::size_t header_room = 4096;
constexpr off_t reported_bytes = off_t{1} << 40;

fuse_lowlevel_ops rare_operations() {
    fuse_lowlevel_ops ops{};
    ops.init = [](void*, fuse_conn_info* connection) {
        connection->want &= ~static_cast<unsigned>(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
                                                   FUSE_CAP_SPLICE_MOVE | FUSE_CAP_ASYNC_DIO |
                                                   FUSE_CAP_ATOMIC_O_TRUNC);
    };
    ops.getattr = [](fuse_req_t request, fuse_ino_t, fuse_file_info*) {
        struct stat attributes {};
        attributes.st_ino = FUSE_ROOT_ID;
        attributes.st_mode = S_IFREG | S_IRUSR | S_IWUSR;
        attributes.st_nlink = 1;
        attributes.st_uid = geteuid();
        attributes.st_gid = getegid();
        attributes.st_size = reported_bytes;
        fuse_reply_attr(request, &attributes, 0);
    };
    ops.open = [](fuse_req_t request, fuse_ino_t, fuse_file_info*) {
        const fuse_open_out out{.fh = 0, .open_flags = open_flags, .padding = 0};
        fuse_reply_buf(request, reinterpret_cast<const char*>(&out), sizeof(out));
    };
    return ops;
}

// Header and payload of a reply, one behind the other, so that one write() takes both.
class Loop {
  public:
    explicit Loop(fuse_session* session)
        : session_(session), fd_(fuse_session_fd(session)),
          request_(payload_bytes_max + header_room), reply_(payload_bytes_max + header_room) {}

    // Until the mount is gone or a signal comes.
    void run() {
        for (;;) {
            const ssize_t bytes = read(fd_, request_.data(), request_.size());
            if (bytes > 0) {
                serve(static_cast<std::size_t>(bytes));
            } else if (errno != EAGAIN && errno != ENOENT) {
                return;
            }
        }
    }

  private:
    template <typename Body> [[nodiscard]] const Body& body() const {
        return *reinterpret_cast<const Body*>(request_.data() + sizeof(fuse_in_header));
    }

    void serve(std::size_t bytes) {
        const auto& header = *reinterpret_cast<const fuse_in_header*>(request_.data());
        if (header.opcode == FUSE_READ) {
            reply(header.unique, body<fuse_read_in>().size);
        } else if (header.opcode == FUSE_WRITE) {
            const fuse_write_out out{.size = body<fuse_write_in>().size, .padding = 0};
            std::memcpy(reply_.data() + sizeof(fuse_out_header), &out, sizeof(out));
            reply(header.unique, sizeof(out));
        } else {
            fuse_buf buffer{};
            buffer.size = bytes;
            buffer.mem = request_.data();
            fuse_session_process_buf(session_, &buffer);
        }
    }

    void reply(std::uint64_t unique, std::size_t payload) {
        const std::size_t bytes = sizeof(fuse_out_header) + payload;
        const fuse_out_header out{
            .len = static_cast<std::uint32_t>(bytes), .error = 0, .unique = unique};
        std::memcpy(reply_.data(), &out, sizeof(out));
        // ENOENT: who asked was interrupted.
        [[maybe_unused]] const ssize_t written = write(fd_, reply_.data(), bytes);
    }

    fuse_session* session_;
    int fd_;
    std::vector<std::byte> request_;
    std::vector<std::byte> reply_;
};

// What is mounted on has to exist.
const std::filesystem::path& made(const std::filesystem::path& path) {
    const std::ofstream file(path);
    return path;
}

int serve(const std::filesystem::path& path) {
    for (const int stop : {SIGTERM, SIGINT, SIGHUP}) {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        sigaction(stop, &action, nullptr);
    }
    std::string program = "ipcdev-bench";
    std::string flag = "-o";
    std::string options = "fsname=ipcdev-bench,subtype=floor,nosuid,nodev,noexec";
    std::array<char*, 3> arguments{program.data(), flag.data(), options.data()};
    fuse_args args FUSE_ARGS_INIT(arguments.size(), arguments.data());
    const fuse_lowlevel_ops ops = rare_operations();
    fuse_session* session = fuse_session_new(&args, &ops, sizeof(ops), nullptr);
    fuse_opt_free_args(&args);
    if (session == nullptr || fuse_session_mount(session, path.c_str()) != 0) {
        return 1;
    }
    Loop(session).run();
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    return 0;
}

} // namespace

FuseFloorServer::FuseFloorServer()
    : path_(folder_.path() / "floor"),
      // SIGTERM if we die: it then unmounts.
      process_([this] { return serve(made(path_)); }, SIGTERM) {
    while (!test::is_mount_point(path_)) {
        interruption::check();
        if (process_.ends_within(1000)) {
            throw Unable("no FUSE here: it could not be mounted");
        }
    }
}

FuseFloorServer::~FuseFloorServer() {
    process_.kill(SIGTERM);
    if (test::is_mount_point(path_)) { // it was killed
        test::unmount(path_);
    }
}

} // namespace ipcdev::bench
