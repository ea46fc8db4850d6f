// SPDX-License-Identifier: MIT
#include "client_process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <thread>

#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace ipcdev::conformance {
namespace {

void handle(int number, int flags) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    action.sa_flags = flags;
    sigaction(number, &action, nullptr);
}

// The header, and the descriptor that may come with it.
bool receive_header(int socket, CallHeader& header, int& passed) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec data{&header, sizeof(header)};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t n = 0;
    while ((n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
    }
    if (n <= 0) {
        return false;
    }
    if (const cmsghdr* part = CMSG_FIRSTHDR(&message);
        part != nullptr && part->cmsg_type == SCM_RIGHTS) {
        std::memcpy(&passed, CMSG_DATA(part), sizeof(passed));
    }
    const auto got = static_cast<std::size_t>(n);
    return receive_all(socket, reinterpret_cast<char*>(&header) + got, sizeof(header) - got);
}

bool answer_one(int socket) {
    CallHeader header;
    Call call;
    if (!receive_header(socket, header, call.passed)) {
        return false;
    }
    call.fd = header.fd;
    call.numbers = header.numbers;
    call.bytes.resize(header.length);
    if (!receive_all(socket, call.bytes.data(), call.bytes.size())) {
        return false;
    }
    const Outcome done = header.action(call);
    const OutcomeHeader reply{done.result, done.bytes.size(), done.error, done.events};
    return send_all(socket, &reply, sizeof(reply)) &&
           send_all(socket, done.bytes.data(), done.bytes.size());
}

void answer_until_hung_up(int socket) {
    while (answer_one(socket)) {
    }
    ::close(socket);
}

std::size_t page_bytes() {
    return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// Memory whose first `good` bytes can be used and the next page can't.
class PartlyBadBuffer {
  public:
    PartlyBadBuffer(std::size_t count, std::size_t good)
        : good_size_(whole_pages(good)), size_(good_size_ + whole_pages(count) + page_bytes()),
          pages_(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
          begin_(static_cast<char*>(pages_) + good_size_ - good) {
        std::memset(pages_, 'g', good_size_);
        mprotect(static_cast<char*>(pages_) + good_size_, size_ - good_size_, PROT_NONE);
    }
    PartlyBadBuffer(const PartlyBadBuffer&) = delete;
    PartlyBadBuffer& operator=(const PartlyBadBuffer&) = delete;
    ~PartlyBadBuffer() { munmap(pages_, size_); }

    [[nodiscard]] char* begin() const { return begin_; }
    [[nodiscard]] char* pages() const { return static_cast<char*>(pages_); } // where they begin

  private:
    static std::size_t whole_pages(std::size_t n) {
        return (n + page_bytes() - 1) / page_bytes() * page_bytes();
    }

    std::size_t good_size_;
    std::size_t size_;
    void* pages_;
    char* begin_;
};

std::string taken(const char* begin, ssize_t result) {
    return {begin, result > 0 ? static_cast<std::size_t>(result) : 0};
}

// Buffers for readv and writev that lie as badly as they may: each begins with
// the last byte of a page, so that it covers as many pages as its size allows.
// Their sizes stand at the start of Call::bytes; numbers[0] tells how many.
class Segments {
  public:
    explicit Segments(const Call& call) : iovecs_(static_cast<std::size_t>(call.numbers[0])) {
        for (std::size_t i = 0; i < iovecs_.size(); ++i) {
            std::uint64_t size = 0;
            std::memcpy(&size, call.bytes.data() + i * sizeof(size), sizeof(size));
            iovecs_[i].iov_len = size;
            buffers_.push_back(std::make_unique<PartlyBadBuffer>(0, size + page_bytes() - 1));
            iovecs_[i].iov_base = buffers_.back()->pages() + page_bytes() - 1;
        }
        data_ = iovecs_.size() * sizeof(std::uint64_t);
    }
    void fill_from(const Call& call) const {
        std::size_t at = data_;
        for (const auto& segment : iovecs_) {
            std::memcpy(segment.iov_base, call.bytes.data() + at, segment.iov_len);
            at += segment.iov_len;
        }
    }
    [[nodiscard]] std::string contents(ssize_t count) const {
        std::string all;
        for (const auto& segment : iovecs_) {
            all.append(static_cast<const char*>(segment.iov_base), segment.iov_len);
        }
        return all.substr(0, count > 0 ? static_cast<std::size_t>(count) : 0);
    }
    [[nodiscard]] const iovec* data() const { return iovecs_.data(); }
    [[nodiscard]] int count() const { return static_cast<int>(iovecs_.size()); }

  private:
    std::vector<iovec> iovecs_;
    std::vector<std::unique_ptr<PartlyBadBuffer>> buffers_;
    std::size_t data_; // where in Call::bytes the sizes end
};

} // namespace

bool send_all(int socket, const void* data, std::size_t size) {
    const auto* rest = static_cast<const char*>(data);
    while (size > 0) {
        const ssize_t n = ::send(socket, rest, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        rest += n;
        size -= static_cast<std::size_t>(n);
    }
    return true;
}

bool receive_all(int socket, void* data, std::size_t size) {
    auto* rest = static_cast<char*>(data);
    while (size > 0) {
        const ssize_t n = ::recv(socket, rest, size, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        rest += n;
        size -= static_cast<std::size_t>(n);
    }
    return true;
}

int client_main(int socket) {
    // Nothing of the suite's, so that only its own end of a socket keeps that open.
    constexpr int place = STDERR_FILENO + 1;
    if (socket != place) {
        dup2(socket, place);
    }
    close_range(place + 1, ~0U, 0);
    handle(SIGUSR1, 0);
    handle(SIGUSR2, SA_RESTART);
    answer_until_hung_up(place);
    return 0;
}

namespace action {

Outcome open(const Call& call) {
    return outcome(::open(call.bytes.c_str(), static_cast<int>(call.numbers[0]) | O_CLOEXEC,
                          static_cast<mode_t>(call.numbers[1])));
}

Outcome close(const Call& call) {
    // Under another thread's read, too: ThreadSanitizer objects to that by libc's name.
    return outcome(syscall(SYS_close, call.fd));
}

Outcome dup(const Call& call) {
    return outcome(::dup(call.fd));
}

Outcome read(const Call& call) {
    const auto count = static_cast<std::size_t>(call.numbers[0]);
    std::string buffer(count, '\0');
    const ssize_t result = ::read(call.fd, buffer.data(), count);
    return outcome(result, taken(buffer.data(), result));
}

Outcome write(const Call& call) {
    return outcome(::write(call.fd, call.bytes.data(), call.bytes.size()));
}

Outcome readv(const Call& call) {
    const Segments segments(call);
    const ssize_t result = ::readv(call.fd, segments.data(), segments.count());
    return outcome(result, segments.contents(result));
}

Outcome writev(const Call& call) {
    const Segments segments(call);
    segments.fill_from(call);
    return outcome(::writev(call.fd, segments.data(), segments.count()));
}

Outcome pread(const Call& call) {
    const auto count = static_cast<std::size_t>(call.numbers[0]);
    std::string buffer(count, '\0');
    const ssize_t result = ::pread(call.fd, buffer.data(), count, call.numbers[1]);
    return outcome(result, taken(buffer.data(), result));
}

Outcome pwrite(const Call& call) {
    return outcome(::pwrite(call.fd, call.bytes.data(), call.bytes.size(), call.numbers[0]));
}

Outcome lseek(const Call& call) {
    return outcome(::lseek(call.fd, call.numbers[0], static_cast<int>(call.numbers[1])));
}

Outcome ioctl(const Call& call) {
    std::string argument = call.bytes;
    const int result = ::ioctl(call.fd, static_cast<unsigned long>(call.numbers[0]),
                               argument.empty() ? nullptr : argument.data());
    return outcome(result, argument);
}

Outcome set_nonblocking(const Call& call) {
    const int flags = fcntl(call.fd, F_GETFL);
    return outcome(
        fcntl(call.fd, F_SETFL, call.numbers[0] != 0 ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

Outcome read_into_bad_buffer(const Call& call) {
    const auto count = static_cast<std::size_t>(call.numbers[0]);
    const auto good = static_cast<std::size_t>(call.numbers[1]);
    const PartlyBadBuffer buffer(count, good);
    const iovec segment{buffer.begin(), count};
    const ssize_t result = call.numbers[2] != 0 ? ::readv(call.fd, &segment, 1)
                                                : ::read(call.fd, buffer.begin(), count);
    return outcome(result, taken(buffer.begin(), result));
}

Outcome write_from_bad_buffer(const Call& call) {
    const auto count = static_cast<std::size_t>(call.numbers[0]);
    const PartlyBadBuffer buffer(count, static_cast<std::size_t>(call.numbers[1]));
    const iovec segment{buffer.begin(), count};
    return outcome(call.numbers[2] != 0 ? ::writev(call.fd, &segment, 1)
                                        : ::write(call.fd, buffer.begin(), count));
}

Outcome poll(const Call& call) {
    pollfd fd{call.fd, static_cast<short>(call.numbers[0]), 0};
    Outcome done = outcome(::poll(&fd, 1, static_cast<int>(call.numbers[1])));
    done.events = static_cast<std::uint32_t>(static_cast<unsigned short>(fd.revents));
    return done;
}

Outcome select(const Call& call) {
    fd_set readable;
    fd_set writable;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    if ((call.numbers[0] & POLLIN) != 0) {
        FD_SET(call.fd, &readable);
    }
    if ((call.numbers[0] & POLLOUT) != 0) {
        FD_SET(call.fd, &writable);
    }
    timeval timeout{call.numbers[1] / 1000, call.numbers[1] % 1000 * 1000};
    Outcome done = outcome(::select(call.fd + 1, &readable, &writable, nullptr,
                                    call.numbers[1] < 0 ? nullptr : &timeout));
    if (done.result > 0) {
        done.events = (FD_ISSET(call.fd, &readable) ? POLLIN : 0U) |
                      (FD_ISSET(call.fd, &writable) ? POLLOUT : 0U);
    }
    return done;
}

Outcome epoll(const Call& call) {
    const int instance = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = static_cast<std::uint32_t>(call.numbers[0]);
    if (instance >= 0 && epoll_ctl(instance, EPOLL_CTL_ADD, call.fd, &event) < 0) {
        return outcome(-1);
    }
    return outcome(instance);
}

Outcome epoll_wait(const Call& call) {
    epoll_event event{};
    Outcome done = outcome(::epoll_wait(call.fd, &event, 1, static_cast<int>(call.numbers[0])));
    done.events = done.result > 0 ? event.events : 0;
    return done;
}

Outcome thread_id(const Call& /*call*/) {
    return outcome(gettid());
}

Outcome serve_in_thread(const Call& call) {
    std::thread(answer_until_hung_up, call.passed).detach();
    return {};
}

Outcome serve_in_child(const Call& call) {
    // A child of the suite, not of this client: it may outlive this one.
    const auto child = static_cast<pid_t>(syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0));
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close(STDERR_FILENO + 1); // the parent's socket
        answer_until_hung_up(call.passed);
        _exit(0);
    }
    ::close(call.passed);
    return outcome(child);
}

} // namespace action
} // namespace ipcdev::conformance
