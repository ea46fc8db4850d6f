// SPDX-License-Identifier: MIT
#include "client.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <numeric>
#include <sstream>
#include <utility>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client_process.h"
#include "options.h"
#include "support/errors.h"

namespace ipcdev::conformance {
namespace {

struct SocketPair {
    Descriptor suite;
    Descriptor client;
};

SocketPair socket_pair() {
    std::array<int, 2> ends{};
    checked(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

bool send_header(int socket, const CallHeader& header, int passed) {
    iovec data{const_cast<CallHeader*>(&header), sizeof(header)};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (passed >= 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(part), &passed, sizeof(passed));
    }
    ssize_t n = 0;
    while ((n = sendmsg(socket, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR) {
    }
    const auto sent = static_cast<std::size_t>(n < 0 ? 0 : n);
    return n > 0 &&
           send_all(socket, reinterpret_cast<const char*>(&header) + sent, sizeof(header) - sent);
}

Call segmented(int fd, const std::vector<std::size_t>& sizes, const std::string& data) {
    Call call{fd, {static_cast<std::int64_t>(sizes.size())}, {}, -1};
    for (const std::uint64_t size : sizes) {
        call.bytes += bytes_of(size);
    }
    call.bytes += data;
    return call;
}

Call segmented(int fd, const std::vector<std::string>& segments) {
    std::vector<std::size_t> sizes;
    sizes.reserve(segments.size());
    for (const auto& segment : segments) {
        sizes.push_back(segment.size());
    }
    return segmented(fd, sizes, std::accumulate(segments.begin(), segments.end(), std::string()));
}

std::int64_t number(std::size_t n) {
    return static_cast<std::int64_t>(n);
}

} // namespace

Outcome outcome(std::int64_t result, std::string bytes) {
    Outcome done;
    done.error = result < 0 ? errno : 0;
    done.result = result;
    done.bytes = std::move(bytes);
    return done;
}

std::string Outcome::text() const {
    std::string all = std::to_string(result);
    if (result < 0) {
        return all + " " + errno_text(error);
    }
    if (!bytes.empty()) {
        constexpr std::size_t most = 40;
        all += " '" + bytes.substr(0, most) + (bytes.size() > most ? "...'" : "'");
    }
    if (events != 0) {
        std::ostringstream hexadecimal;
        hexadecimal << " events 0x" << std::hex << events;
        all += hexadecimal.str();
    }
    return all;
}

pid_t Client::pid() {
    ensure_started();
    return pid_;
}

int Client::fd() {
    if (fd_ == own) {
        if (const Outcome opened = open(); opened.result < 0) {
            throw std::runtime_error(name_ + " can't open the device: " + opened.text());
        }
    }
    return fd_;
}

Outcome Client::run(Action action, Call call) {
    start(action, std::move(call));
    return result();
}

void Client::start(Action action, Call call) {
    if (under_way_) {
        throw std::logic_error(name_ + " has a call under way already");
    }
    call.fd = given(call.fd);
    send(action, call);
}

bool Client::finished() {
    pollfd answer{socket_.get(), POLLIN, 0};
    return under_way_ && ::poll(&answer, 1, 0) > 0;
}

Outcome Client::result() {
    if (!under_way_) {
        throw std::logic_error(name_ + " has no call under way");
    }
    under_way_ = false;
    return receive();
}

Client Client::thread(std::string name) {
    return adopt(action::serve_in_thread, std::move(name));
}

Client Client::fork(std::string name) {
    Client child = adopt(action::serve_in_child, std::move(name));
    child.process_ = Process(child.pid_);
    return child;
}

void Client::signal(int number) {
    syscall(SYS_tkill, pid(), number);
}

std::optional<Status> Client::kill(int number) {
    const auto status = process_.kill(number);
    socket_.close();
    return status;
}

void Client::end() {
    *this = Client(std::move(name_));
}

Outcome Client::open(int flags, int mode) {
    ensure_started();
    send(action::open, {own, {flags, mode}, options().device, -1});
    Outcome opened = result();
    if (opened.result >= 0) {
        fd_ = static_cast<int>(opened.result);
    }
    return opened;
}

Outcome Client::close(int fd) {
    fd = given(fd);
    Outcome closed = run(action::close, {fd, {}, {}, -1});
    if (fd == fd_) {
        fd_ = own;
    }
    return closed;
}

Outcome Client::dup(int fd) {
    return run(action::dup, {fd, {}, {}, -1});
}

Outcome Client::read(std::size_t count, int fd) {
    start_read(count, fd);
    return result();
}

Outcome Client::write(std::string_view bytes, int fd) {
    start_write(bytes, fd);
    return result();
}

Outcome Client::readv(const std::vector<std::size_t>& segments, int fd) {
    start_readv(segments, fd);
    return result();
}

Outcome Client::writev(const std::vector<std::string>& segments, int fd) {
    start_writev(segments, fd);
    return result();
}

Outcome Client::pread(std::size_t count, off_t offset, int fd) {
    return run(action::pread, {fd, {number(count), offset}, {}, -1});
}

Outcome Client::pwrite(std::string_view bytes, off_t offset, int fd) {
    return run(action::pwrite, {fd, {offset}, std::string(bytes), -1});
}

Outcome Client::lseek(off_t offset, int whence, int fd) {
    return run(action::lseek, {fd, {offset, whence}, {}, -1});
}

Outcome Client::ioctl(unsigned long number, std::string_view argument, int fd) {
    return run(action::ioctl, {fd, {static_cast<std::int64_t>(number)}, std::string(argument), -1});
}

Outcome Client::set_nonblocking(bool on, int fd) {
    return run(action::set_nonblocking, {fd, {on ? 1 : 0}, {}, -1});
}

Outcome Client::read_into_bad_buffer(std::size_t count, std::size_t good, int fd) {
    start_read_into_bad_buffer(count, good, fd);
    return result();
}

Outcome Client::write_from_bad_buffer(std::size_t count, std::size_t good, int fd) {
    return run(action::write_from_bad_buffer, {fd, {number(count), number(good)}, {}, -1});
}

Outcome Client::readv_into_bad_buffer(std::size_t count, int fd) {
    return run(action::read_into_bad_buffer, {fd, {number(count), 0, 1}, {}, -1});
}

Outcome Client::writev_from_bad_buffer(std::size_t count, int fd) {
    return run(action::write_from_bad_buffer, {fd, {number(count), 0, 1}, {}, -1});
}

Outcome Client::poll(int events, int timeout_ms, int fd) {
    start_poll(events, timeout_ms, fd);
    return result();
}

Outcome Client::select(int events, int timeout_ms, int fd) {
    start_select(events, timeout_ms, fd);
    return result();
}

int Client::epoll(std::uint32_t events, int fd) {
    const Outcome made = run(action::epoll, {fd, {events}, {}, -1});
    if (made.result < 0) {
        throw std::runtime_error(name_ + " can't watch the device with epoll: " + made.text());
    }
    return static_cast<int>(made.result);
}

Outcome Client::epoll_wait(int epoll, int timeout_ms) {
    start_epoll_wait(epoll, timeout_ms);
    return result();
}

void Client::start_read(std::size_t count, int fd) {
    start(action::read, {fd, {number(count)}, {}, -1});
}

void Client::start_write(std::string_view bytes, int fd) {
    start(action::write, {fd, {}, std::string(bytes), -1});
}

void Client::start_writev(const std::vector<std::string>& segments, int fd) {
    start(action::writev, segmented(fd, segments));
}

void Client::start_readv(const std::vector<std::size_t>& segments, int fd) {
    start(action::readv, segmented(fd, segments, {}));
}

void Client::start_read_into_bad_buffer(std::size_t count, std::size_t good, int fd) {
    start(action::read_into_bad_buffer, {fd, {number(count), number(good)}, {}, -1});
}

void Client::start_poll(int events, int timeout_ms, int fd) {
    start(action::poll, {fd, {events, timeout_ms}, {}, -1});
}

void Client::start_select(int events, int timeout_ms, int fd) {
    start(action::select, {fd, {events, timeout_ms}, {}, -1});
}

void Client::start_epoll_wait(int epoll, int timeout_ms) {
    start(action::epoll_wait, {epoll, {timeout_ms}, {}, -1});
}

void Client::ensure_started() {
    if (socket_.is_open()) {
        return;
    }
    SocketPair sockets = socket_pair();
    process_ = Process([&] { return client_main(sockets.client.get()); });
    pid_ = process_.pid();
    socket_ = std::move(sockets.suite);
}

Client Client::adopt(Action how, std::string name) {
    SocketPair sockets = socket_pair();
    Client adopted(std::move(name));
    adopted.fd_ = fd();
    send(how, {own, {}, {}, sockets.client.get()});
    if (const Outcome done = result(); done.result < 0) {
        throw std::runtime_error(name_ + " can't start " + adopted.name_ + ": " + done.text());
    }
    adopted.socket_ = std::move(sockets.suite);
    sockets.client.close();
    adopted.send(action::thread_id, {});
    adopted.pid_ = static_cast<pid_t>(adopted.result().result);
    return adopted;
}

int Client::given(int fd) {
    return fd == own ? this->fd() : fd;
}

void Client::send(Action action, const Call& call) {
    CallHeader header;
    header.action = action;
    header.numbers = call.numbers;
    header.length = call.bytes.size();
    header.fd = call.fd;
    if (!send_header(socket_.get(), header, call.passed) ||
        !send_all(socket_.get(), call.bytes.data(), call.bytes.size())) {
        throw ClientGone(name_ + " is gone");
    }
    under_way_ = true;
}

Outcome Client::receive() {
    OutcomeHeader header;
    Outcome done;
    if (!receive_all(socket_.get(), &header, sizeof(header))) {
        throw ClientGone(name_ + " ended during a call");
    }
    done.bytes.resize(header.length);
    if (!receive_all(socket_.get(), done.bytes.data(), done.bytes.size())) {
        throw ClientGone(name_ + " ended during its answer");
    }
    done.result = header.result;
    done.error = header.error;
    done.events = header.events;
    return done;
}

} // namespace ipcdev::conformance
