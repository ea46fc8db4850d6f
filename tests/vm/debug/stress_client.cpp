// SPDX-License-Identifier: MIT
#include "stress_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <initializer_list>
#include <iostream>
#include <optional>
#include <random>
#include <stdexcept>

#include "support/descriptor.h"
#include "support/errors.h"
#include "uapi/ipcdev.h"

namespace ipcdev::stress {

namespace {

using test::checked;
using test::Descriptor;

constexpr std::size_t page_bytes = 4096;

// Room for the longest message, and behind it a page that can't be touched.
class Buffer {
  public:
    Buffer()
        : memory_(
              static_cast<char*>(mmap(nullptr, usable_bytes + page_bytes, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
        if (memory_ == MAP_FAILED) {
            test::throw_errno("mmap");
        }
        checked(mprotect(memory_ + usable_bytes, page_bytes, PROT_NONE), "mprotect");
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { munmap(memory_, usable_bytes + page_bytes); }

    // Units of which that many can be touched, and those behind them not.
    [[nodiscard]] std::span<Unit> ending_after(std::size_t good, std::size_t all) {
        return {reinterpret_cast<Unit*>(memory_ + usable_bytes) - good, all};
    }
    // The next access to each page faults, and finds a page; that is no error.
    void forget() { checked(madvise(memory_, usable_bytes, MADV_DONTNEED), "madvise"); }

  private:
    static constexpr std::size_t usable_bytes = IPCDEV_MESSAGE_MAX;
    char* memory_;
};

// An open of this client alone.
struct Own {
    Descriptor descriptor;
    std::optional<Unit> next{}; // of the message that it has begun
};

class Client {
  public:
    Client(const std::string& device, int shared, UnitRecord& record, const Liberties& liberties,
           unsigned seed)
        : device_(device), shared_(shared), ledger_(record), liberties_(liberties),
          random_(seed), blocking_{open(O_RDWR)}, nonblocking_{open(O_RDWR | O_NONBLOCK)},
          edges_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
        epoll_event interest{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {}};
        checked(epoll_ctl(edges_.get(), EPOLL_CTL_ADD, nonblocking_.descriptor.get(), &interest),
                "epoll_ctl");
    }

    void run() {
        const bool prefers_writing = one_in(2);
        while (ledger_.take_operation()) {
            const unsigned chance = below(32);
            if (!one_in(4) && goes_on()) {
                continue;
            }
            if (chance < 24) {
                if (one_in(4) != prefers_writing) {
                    write();
                } else {
                    read();
                }
            } else if (chance < 28) {
                wait_for_readiness();
            } else if (chance < 30) {
                open_and_close();
            } else if (chance == 30 && liberties_.clear) {
                checked(ioctl(nonblocking_.descriptor.get(), IPCDEV_IOC_CLEAR), "CLEAR");
                ledger_.count(clears);
            } else if (chance == 31 && liberties_.configure) {
                configure();
            }
        }
    }

  private:
    unsigned below(unsigned end) {
        return std::uniform_int_distribution<unsigned>(0, end - 1)(random_);
    }
    bool one_in(unsigned n) { return below(n) == 0; }

    // Mostly short; some cross pages, a few are as long as a message may be.
    std::size_t units() {
        if (one_in(64)) {
            return 1 + below(IPCDEV_MESSAGE_MAX / unit_bytes);
        }
        return 1 + below(one_in(8) ? 640 : 16);
    }

    [[nodiscard]] Descriptor open(int flags) const {
        return Descriptor(checked(::open(device_.c_str(), flags | O_CLOEXEC), "open"));
    }

    [[nodiscard]] Own& some_own() { return one_in(3) ? nonblocking_ : blocking_; }

    // An error that belongs to the stress; throws at any other.
    void expect_one_of(std::initializer_list<int> errors, const char* call) {
        if (std::find(errors.begin(), errors.end(), errno) == errors.end()) {
            test::throw_errno(call);
        }
        if (errno == EINTR) {
            ledger_.count(interrupted_calls);
        }
    }

    // May block for ever: then somebody sends a signal.
    void write() { write_to(one_in(4) ? shared_ : some_own().descriptor.get()); }

    void write_to(int fd) {
        const std::size_t all = units();
        const auto message = buffer_.ending_after(all, all);
        ledger_.number(message);
        if (one_in(8)) {
            return write_from_bad_buffer(fd, all);
        }
        const ssize_t written = one_in(8) ? write_in_segments(fd, message)
                                          : ::write(fd, message.data(), message.size_bytes());
        if (written == -1) {
            return expect_one_of({EAGAIN, EINTR}, "write");
        }
        if (written != static_cast<ssize_t>(message.size_bytes())) {
            throw std::runtime_error("write returned a part");
        }
        ledger_.sent(message);
    }

    ssize_t write_in_segments(int fd, std::span<Unit> message) {
        const auto cut = below(static_cast<unsigned>(message.size()));
        std::array<iovec, 3> segments{
            iovec{.iov_base = message.data(), .iov_len = cut * unit_bytes},
            iovec{.iov_base = nullptr, .iov_len = 0},
            iovec{.iov_base = message.data() + cut,
                  .iov_len = (message.size() - cut) * unit_bytes}};
        return writev(fd, segments.data(), segments.size());
    }

    // Its last unit can't be read, so nothing may be queued.
    void write_from_bad_buffer(int fd, std::size_t all) {
        const auto message = buffer_.ending_after(all - 1, all);
        if (::write(fd, message.data(), message.size_bytes()) != -1) {
            throw std::runtime_error("a write succeeded though its buffer is bad");
        }
        expect_one_of({EFAULT}, "write from a bad buffer");
        ledger_.count(write_faults);
    }

    void read() {
        if (one_in(3)) {
            read_from_shared(units());
        } else {
            read_from(some_own(), units());
        }
    }

    // Reads on, so that what is begun doesn't keep the others waiting: where there was more.
    bool goes_on() {
        for (Own* const own : {&blocking_, &nonblocking_}) {
            if (own->next) {
                read_from(*own, rest());
                return true;
            }
        }
        return shared_left_ && read_from_shared(rest());
    }

    // Often all that there can be: a long message would take hundreds of reads.
    std::size_t rest() { return one_in(2) ? IPCDEV_MESSAGE_MAX / unit_bytes : units(); }

    bool read_from_shared(std::size_t all) {
        const auto part = read_from(shared_, all);
        shared_left_ = !part.empty() && !ledger_.is_last_of_its_message(part.back());
        return true;
    }

    // Gets the next bytes of what it has begun, if that is something.
    void read_from(Own& own, std::size_t all) {
        const auto part = read_from(own.descriptor.get(), all);
        if (part.empty()) {
            return;
        }
        if (own.next && part.front() != *own.next) {
            throw std::runtime_error("read " + std::to_string(part.front()) + ", having begun " +
                                     std::to_string(*own.next));
        }
        own.next.reset();
        if (!ledger_.is_last_of_its_message(part.back())) {
            own.next = part.back() + 1;
        }
    }

    // What came; empty if nothing did.
    std::span<const Unit> read_from(int fd, std::size_t all) {
        const std::size_t good = one_in(4) ? below(static_cast<unsigned>(all)) : all;
        const auto room = buffer_.ending_after(good, all);
        if (one_in(4)) {
            buffer_.forget();
        }
        const ssize_t got = ::read(fd, room.data(), room.size_bytes());
        if (got == -1) {
            if (errno == EFAULT && good < all) {
                ledger_.count(read_faults);
            } else {
                expect_one_of({EAGAIN, EINTR}, "read");
            }
            return {};
        }
        if (got == 0 || static_cast<std::size_t>(got) % unit_bytes != 0 ||
            static_cast<std::size_t>(got) > good * unit_bytes) {
            throw std::runtime_error("read returned " + std::to_string(got));
        }
        const auto part = room.first(static_cast<std::size_t>(got) / unit_bytes);
        ledger_.received(part);
        return part;
    }

    void wait_for_readiness() {
        epoll_event event{};
        pollfd one{.fd = nonblocking_.descriptor.get(),
                   .events = static_cast<short>(one_in(2) ? POLLIN : POLLOUT),
                   .revents = 0};
        const int timeout = one_in(2) ? 0 : -1;
        const int ready =
            one_in(2) ? epoll_wait(edges_.get(), &event, 1, timeout) : poll(&one, 1, timeout);
        ledger_.count(polls);
        if (ready == -1) {
            return expect_one_of({EINTR}, "poll");
        }
        const unsigned readable = event.events | static_cast<unsigned>(one.revents);
        if ((readable & POLLIN) != 0) {
            read_from(nonblocking_, units());
        } else if (ready > 0) {
            write_to(nonblocking_.descriptor.get());
        }
    }

    // Closed while somebody may be waking the epoll that it is in, and with what it has begun.
    void open_and_close() {
        const Descriptor other = open(O_RDWR | O_NONBLOCK);
        epoll_event interest{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {}};
        checked(epoll_ctl(edges_.get(), EPOLL_CTL_ADD, other.get(), &interest), "epoll_ctl");
        ledger_.count(opens);
        if (one_in(2)) {
            static_cast<void>(read_from(other.get(), units()));
        } else {
            write_to(other.get());
        }
    }

    void configure() {
        for (Own* const own : {&blocking_, &nonblocking_}) {
            while (own->next) {
                read_from(*own, rest()); // what is begun would make it EBUSY
            }
        }
        ipcdev_configure change{};
        change.size = sizeof(change);
        constexpr std::array<unsigned, 3> modes{IPCDEV_MODE_FIFO, IPCDEV_MODE_SLOT,
                                                IPCDEV_MODE_RING};
        change.mode = modes[below(modes.size())];
        change.depth = change.mode == IPCDEV_MODE_SLOT ? 1 : 1 + below(8);
        const int fd = nonblocking_.descriptor.get();
        checked(ioctl(fd, IPCDEV_IOC_CLEAR), "CLEAR");
        if (ioctl(fd, IPCDEV_IOC_CONFIGURE, &change) == -1) {
            return expect_one_of({EBUSY}, "CONFIGURE");
        }
        ledger_.count(configures);
    }

    const std::string device_;
    const int shared_;
    bool shared_left_ = false; // a part, when this one read from it; others may have it now
    UnitRecord& ledger_;
    const Liberties liberties_;
    std::mt19937 random_;
    Buffer buffer_;
    Own blocking_;
    Own nonblocking_;
    Descriptor edges_;
};

void handle(int signal_number, int flags) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    action.sa_flags = flags;
    checked(sigaction(signal_number, &action, nullptr), "sigaction");
}

} // namespace

void handle_signals() {
    handle(SIGUSR1, 0);
    handle(SIGUSR2, SA_RESTART);
}

int run_client(const std::string& device, int shared, UnitRecord& record,
               const Liberties& liberties, unsigned seed) {
    try {
        Client(device, shared, record, liberties, seed).run();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "stress: " + std::string(error.what()) + "\n";
        return 1;
    }
}

} // namespace ipcdev::stress
