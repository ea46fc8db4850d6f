// SPDX-License-Identifier: MIT
#include "loop.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <spdlog/spdlog.h>

#include "operations.h"
#include "session.h"
#include "stop_signal.h"

namespace ipcdev {

namespace {

constexpr std::size_t header_room = 4096; // libfuse's figure: enough for any request's arguments
constexpr std::size_t buffer_bytes = header_room + max_write_bytes;
static_assert(buffer_bytes >= FUSE_MIN_READ_BUFFER); // the kernel refuses smaller ones

// Whether the request has that many bytes. It always has, unless the kernel is broken.
bool holds(std::span<const std::byte> request, std::size_t bytes) {
    if (request.size() < bytes) {
        spdlog::error("the kernel sent {} bytes instead of {}", request.size(), bytes);
        return false;
    }
    return true;
}

// Copies the struct at the start of `from`, and advances `from` past it.
template <typename Struct> bool extract(std::span<std::byte>& from, Struct& out) {
    if (!holds(from, sizeof(out))) {
        return false;
    }
    std::memcpy(&out, from.data(), sizeof(out));
    from = from.subspan(sizeof(out));
    return true;
}

// For READ and WRITE, whose arguments have these fields in common.
template <typename Arguments>
ClientCall call_of(const fuse_in_header& header, const Arguments& arguments) {
    return {.unique = header.unique,
            .file = OpenFile::of(arguments.fh),
            .thread = static_cast<pid_t>(header.pid),
            .offset = static_cast<off_t>(arguments.offset),
            .bytes = arguments.size,
            .nonblocking = (arguments.flags & O_NONBLOCK) != 0};
}

} // namespace

Loop::Loop(Session& session, Operations& operations, std::chrono::microseconds spin)
    : connection_(session.connection()), spin_(spin), session_(session), operations_(operations),
      buffer_(buffer_bytes) { // aligned to a page: the kernel copies page by page
    if (spin_.count() != 0) {
        fcntl(connection_, F_SETFL, fcntl(connection_, F_GETFL) | O_NONBLOCK);
    }
}

Loop::State Loop::serve_one() {
    const ssize_t got = spin_.count() == 0 ? receive() : receive_spinning();
    if (got == -1) {
        return state_after(errno);
    }
    const bool served = dispatch({buffer_.begin(), static_cast<std::size_t>(got)});
    return served ? State::open : State::failed;
}

ssize_t Loop::receive() {
    return ::read(connection_, buffer_.begin(), buffer_bytes);
}

// A stop signal ends it with EINTR, as it ends a read() that sleeps.
ssize_t Loop::receive_spinning() {
    const auto until = std::chrono::steady_clock::now() + spin_;
    do {
        const ssize_t got = receive();
        if (got != -1 || errno != EAGAIN) {
            return got;
        }
        if (stop_requested() != 0) {
            errno = EINTR;
            return -1;
        }
    } while (std::chrono::steady_clock::now() < until);
    pollfd request{.fd = connection_, .events = POLLIN, .revents = 0};
    return ::poll(&request, 1, -1) == -1 ? -1 : receive();
}

Loop::State Loop::state_after(int error) {
    switch (error) {
    case EINTR:
    case EAGAIN: // the request that poll() saw is gone
    case ENOENT: // the client went away while its request was being read
        return State::open;
    case ENODEV:
        return State::ended;
    default:
        spdlog::error("can't read from the kernel: {}", std::strerror(error));
        return State::failed;
    }
}

bool Loop::dispatch(Bytes request) {
    Bytes arguments = request;
    fuse_in_header header{};
    if (!extract(arguments, header)) {
        return false;
    }
    switch (header.opcode) {
    case FUSE_READ:
        return read(header, arguments);
    case FUSE_WRITE:
        return write(header, arguments);
    case FUSE_INTERRUPT:
        return interrupt(arguments);
    case FUSE_OPEN:
        return open(header, arguments);
    case FUSE_RELEASE:
        return release(header, arguments);
    case FUSE_IOCTL:
        return ioctl(header, arguments);
    case FUSE_POLL:
        return poll(header, arguments);
    default:
        return session_.pass_to_libfuse(request);
    }
}

bool Loop::read(const fuse_in_header& header, Bytes arguments) {
    fuse_read_in in{};
    if (!extract(arguments, in)) {
        return false;
    }
    Reply reply(connection_, header.unique);
    // Without a lock owner this is not read(2) but a page fault in a private mapping
    // (the kernel refuses shared ones). If it parked, its locked page would block every
    // later open.
    if ((in.read_flags & FUSE_READ_LOCKOWNER) == 0) {
        reply.error(EINVAL); // whoever touched the mapping gets SIGBUS
        return true;
    }
    operations_.read(std::move(reply), call_of(header, in));
    return true;
}

bool Loop::write(const fuse_in_header& header, Bytes arguments) {
    fuse_write_in in{};
    if (!extract(arguments, in) || !holds(arguments, in.size)) {
        return false;
    }
    operations_.write(Reply(connection_, header.unique), call_of(header, in),
                      arguments.first(in.size));
    return true;
}

bool Loop::interrupt(Bytes arguments) {
    fuse_interrupt_in in{};
    if (!extract(arguments, in)) {
        return false;
    }
    operations_.interrupt(in.unique);
    return true;
}

bool Loop::open(const fuse_in_header& header, Bytes arguments) {
    fuse_open_in in{};
    if (!extract(arguments, in)) {
        return false;
    }
    operations_.open(Reply(connection_, header.unique), static_cast<int>(in.flags), header.uid);
    return true;
}

bool Loop::release(const fuse_in_header& header, Bytes arguments) {
    fuse_release_in in{};
    if (!extract(arguments, in)) {
        return false;
    }
    operations_.release(Reply(connection_, header.unique), OpenFile::of(in.fh));
    return true;
}

bool Loop::ioctl(const fuse_in_header& header, Bytes arguments) {
    fuse_ioctl_in in{};
    if (!extract(arguments, in) || !holds(arguments, in.in_size)) {
        return false;
    }
    Reply reply(connection_, header.unique);
    if ((in.flags & FUSE_IOCTL_DIR) != 0) {
        reply.error(ENOTTY); // the folder that was mounted is not the device
        return true;
    }
    operations_.ioctl(std::move(reply), {.file = OpenFile::of(in.fh),
                                         .user = header.uid,
                                         .command = in.cmd,
                                         .in = arguments.first(in.in_size)});
    return true;
}

bool Loop::poll(const fuse_in_header& header, Bytes arguments) {
    fuse_poll_in in{};
    if (!extract(arguments, in)) {
        return false;
    }
    const bool waits = (in.flags & FUSE_POLL_SCHEDULE_NOTIFY) != 0;
    operations_.poll(Reply(connection_, header.unique), OpenFile::of(in.fh),
                     waits ? std::optional(in.kh) : std::nullopt);
    return true;
}

} // namespace ipcdev
