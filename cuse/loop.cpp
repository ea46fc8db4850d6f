// SPDX-License-Identifier: MIT
#include "loop.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <new>

#include <spdlog/spdlog.h>

#include "operations.h"
#include "session.h"
#include "stop_signal.h"

namespace ipcdev {

namespace {

static_assert(Loop::buffer_bytes >= FUSE_MIN_READ_BUFFER); // the kernel refuses smaller ones

constexpr std::uint32_t poisonous = 2; // crashes in one request

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

bool is_of_folder(std::span<const std::byte> ioctl_arguments) {
    fuse_ioctl_in in{};
    std::memcpy(&in, ioctl_arguments.data(), std::min(sizeof(in), ioctl_arguments.size()));
    return (in.flags & FUSE_IOCTL_DIR) != 0;
}

// For READ and WRITE, whose arguments have these fields in common.
template <typename Arguments>
ClientCall call_of(Operations& operations, const fuse_in_header& header,
                   const Arguments& arguments) {
    return {.unique = header.unique,
            .file = operations.file(arguments.fh),
            .thread = static_cast<pid_t>(header.pid),
            .offset = static_cast<off_t>(arguments.offset),
            .bytes = arguments.size,
            .nonblocking = (arguments.flags & O_NONBLOCK) != 0};
}

} // namespace

bool is_crash(int signal) {
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT || signal == SIGILL ||
           signal == SIGFPE || signal == SIGSYS;
}

Loop::Loop(Session& session, Operations& operations, std::chrono::microseconds spin)
    : connection_(session.connection()), spin_(spin), session_(session), operations_(operations),
      buffer_(buffer_bytes, Part::request) { // aligned to a page: the kernel copies page by page
    const int now = fcntl(connection_, F_GETFL); // an earlier program may have spun
    const int wanted = spin_.count() != 0 ? now | O_NONBLOCK : now & ~O_NONBLOCK;
    if (wanted != now) {
        fcntl(connection_, F_SETFL, wanted);
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

bool Loop::recover(int predecessor) {
    if (!buffer_.populate(0, buffer_.size())) { // or touched here, and not by the kernel
        throw std::bad_alloc();
    }
    buffer_.lock(); // where a user may not lock all (SharedRange::lock), this much may be allowed
    operations_.roll_back();
    fuse_in_header header{};
    std::memcpy(&header, buffer_.begin(), sizeof(header));
    const bool is_begun = was_begun(header);
    const bool is_poison = is_crash(predecessor) && (is_begun || operations_.is_owing()) &&
                           operations_.crashes_in(header.unique) >= poisonous;
    if (is_poison) {
        spdlog::error(
            "{} request {:#x} (opcode {}, {} bytes, of process {}) made {} processes crash, "
            "one after the other: {} gets EIO",
            is_begun ? "handling" : "answering what was due after", header.unique, header.opcode,
            header.len, header.pid, poisonous,
            is_begun ? "it" : "the client that was to be answered");
    }
    if (is_poison && !is_begun) {
        operations_.refuse_next_owed();
    }
    operations_.recover(predecessor != 0);
    if (!is_begun) {
        return true;
    }
    if (is_poison) {
        operations_.refuse(header.unique, EIO);
        return true;
    }
    return dispatch({buffer_.begin(), header.len});
}

void Loop::refuse_received() {
    fuse_in_header header{};
    std::memcpy(&header, buffer_.begin(), sizeof(header));
    if (header.len >= sizeof(header)) {
        answer_error(connection_, header.unique, EIO);
    }
}

// Has the predecessor received it, and done nothing yet that holds?
bool Loop::was_begun(const fuse_in_header& header) const {
    if (header.len < sizeof(header) || header.unique == operations_.last_call()) {
        return false;
    }
    return header.opcode == FUSE_INTERRUPT || is_unanswered(connection_, header.unique);
}

bool Loop::dispatch(Bytes request) {
    Bytes arguments = request;
    fuse_in_header header{};
    if (!extract(arguments, header)) {
        return false;
    }
    if (is_of_lost_open(header, arguments)) {
        operations_.refuse(header.unique, EIO);
        return true;
    }
    switch (header.opcode) {
    case FUSE_READ:
        return read(header, arguments);
    case FUSE_WRITE:
        return write(header, arguments);
    case FUSE_INTERRUPT:
        return interrupt(header, arguments);
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

// Is nothing known any more of the open that the request came by (renewal.h)?
bool Loop::is_of_lost_open(const fuse_in_header& header, Bytes arguments) {
    static_assert(offsetof(fuse_read_in, fh) == 0 && offsetof(fuse_write_in, fh) == 0 &&
                  offsetof(fuse_release_in, fh) == 0 && offsetof(fuse_ioctl_in, fh) == 0 &&
                  offsetof(fuse_poll_in, fh) == 0);
    const bool names_an_open = header.opcode == FUSE_READ || header.opcode == FUSE_WRITE ||
                               header.opcode == FUSE_RELEASE || header.opcode == FUSE_POLL ||
                               (header.opcode == FUSE_IOCTL && !is_of_folder(arguments));
    std::uint64_t handle = 0;
    return names_an_open && extract(arguments, handle) && !operations_.has_file(handle);
}

bool Loop::read(const fuse_in_header& header, Bytes arguments) {
    fuse_read_in in{};
    if (!extract(arguments, in)) {
        return false;
    }
    // Without a lock owner this is not read(2) but a page fault in a private mapping
    // (the kernel refuses shared ones). If it parked, its locked page would block every
    // later open.
    if ((in.read_flags & FUSE_READ_LOCKOWNER) == 0) {
        operations_.refuse(header.unique, EINVAL); // whoever touched the mapping gets SIGBUS
        return true;
    }
    operations_.read(call_of(operations_, header, in));
    return true;
}

bool Loop::write(const fuse_in_header& header, Bytes arguments) {
    fuse_write_in in{};
    if (!extract(arguments, in) || !holds(arguments, in.size)) {
        return false;
    }
    operations_.write(call_of(operations_, header, in), arguments.first(in.size));
    return true;
}

bool Loop::interrupt(const fuse_in_header& header, Bytes arguments) {
    fuse_interrupt_in in{};
    if (!extract(arguments, in)) {
        return false;
    }
    operations_.interrupt(header.unique, in.unique);
    return true;
}

bool Loop::open(const fuse_in_header& header, Bytes arguments) {
    fuse_open_in in{};
    if (!extract(arguments, in)) {
        return false;
    }
    operations_.open(header.unique, static_cast<int>(in.flags), header.uid);
    return true;
}

bool Loop::release(const fuse_in_header& header, Bytes arguments) {
    fuse_release_in in{};
    if (!extract(arguments, in)) {
        return false;
    }
    operations_.release(header.unique, operations_.file(in.fh));
    return true;
}

bool Loop::ioctl(const fuse_in_header& header, Bytes arguments) {
    fuse_ioctl_in in{};
    if (!extract(arguments, in) || !holds(arguments, in.in_size)) {
        return false;
    }
    if ((in.flags & FUSE_IOCTL_DIR) != 0) {
        operations_.refuse(header.unique, ENOTTY); // the folder that was mounted is not the device
        return true;
    }
    operations_.ioctl(header.unique, {.file = operations_.file(in.fh),
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
    operations_.poll(header.unique, operations_.file(in.fh),
                     waits ? std::optional(in.kh) : std::nullopt);
    return true;
}

} // namespace ipcdev
