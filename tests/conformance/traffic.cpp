// SPDX-License-Identifier: MIT
#include "traffic.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <random>
#include <stdexcept>

#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

namespace ipcdev::conformance {
namespace {

Log& log_at(std::int64_t address) {
    return *reinterpret_cast<Log*>(static_cast<std::intptr_t>(address));
}

// Repeats a system call until it succeeds or fails for good.
class Patience {
  public:
    Patience(int fd, std::uint32_t events) : fd_(fd), events_(events) {}
    Patience(const Patience&) = delete;
    Patience& operator=(const Patience&) = delete;
    ~Patience() { close(epoll_); }

    template <class SystemCall> ssize_t call(SystemCall system_call) {
        for (;;) {
            const ssize_t n = system_call();
            if (n >= 0 || (errno != EINTR && errno != EAGAIN)) {
                return n;
            }
            if (errno == EINTR) {
                ++interrupts;
            } else {
                wait();
            }
        }
    }

    std::uint32_t interrupts = 0;

  private:
    // For an edge: only after EAGAIN, and only one that comes after it counts.
    void wait() {
        epoll_event event{};
        if (epoll_ < 0) {
            epoll_ = epoll_create1(EPOLL_CLOEXEC);
            event.events = events_ | EPOLLET;
            epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event);
        }
        epoll_wait(epoll_, &event, 1, -1);
    }

    int fd_;
    std::uint32_t events_;
    int epoll_ = -1;
};

} // namespace

std::vector<Record> records_of(unsigned writer, std::uint32_t message) {
    std::vector<Record> records(1 + (message * 2654435761U >> 29U));
    for (std::size_t i = 0; i < records.size(); ++i) {
        records[i] = {static_cast<std::uint16_t>(writer), static_cast<std::uint16_t>(i), message};
    }
    return records;
}

SharedLog::SharedLog() {
    void* memory =
        mmap(nullptr, sizeof(Log), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw std::bad_alloc();
    }
    log_.reset(new (memory) Log);
}

void SharedLog::Unmap::operator()(Log* log) const {
    munmap(log, sizeof(Log));
}

std::vector<Record> SharedLog::records() const {
    return {log_->records, log_->records + log_->read};
}

namespace action {

Outcome write_messages(const Call& call) {
    Log& log = log_at(call.numbers[0]);
    const auto writer = static_cast<unsigned>(call.numbers[1]);
    Patience patience(call.fd, EPOLLOUT);
    for (std::uint32_t message = 0; message < call.numbers[2]; ++message) {
        const auto records = records_of(writer, message);
        const std::size_t size = records.size() * sizeof(Record);
        const ssize_t n = patience.call([&] { return ::write(call.fd, records.data(), size); });
        log.interrupts = patience.interrupts;
        if (n != static_cast<ssize_t>(size)) {
            return outcome(n);
        }
        ++log.written;
    }
    return {};
}

Outcome read_records(const Call& call) {
    Log& log = log_at(call.numbers[0]);
    const std::size_t most = static_cast<std::size_t>(call.numbers[1]) / sizeof(Record);
    std::vector<Record> records(most);
    std::minstd_rand random(static_cast<unsigned>(call.numbers[2]));
    Patience patience(call.fd, EPOLLIN);
    for (;;) {
        const std::size_t wanted = call.numbers[2] == 0 ? most : 1 + random() % most;
        const ssize_t n =
            patience.call([&] { return ::read(call.fd, records.data(), wanted * sizeof(Record)); });
        log.interrupts = patience.interrupts;
        if (n <= 0 || static_cast<std::size_t>(n) % sizeof(Record) != 0) {
            return outcome(n);
        }
        const std::size_t count = static_cast<std::size_t>(n) / sizeof(Record);
        if (records[0] == stop) {
            return {};
        }
        const std::uint32_t before = log.read;
        if (before + count > Log::capacity) {
            errno = ENOBUFS;
            return outcome(-1);
        }
        std::copy_n(records.begin(), count, log.records + before);
        log.read = before + static_cast<std::uint32_t>(count);
    }
}

Outcome write_numbers(const Call& call) {
    Patience patience(call.fd, EPOLLOUT);
    for (std::uint64_t number = 1; number <= static_cast<std::uint64_t>(call.numbers[0]);
         ++number) {
        const ssize_t n = patience.call([&] { return ::write(call.fd, &number, sizeof(number)); });
        if (n != sizeof(number)) {
            return outcome(n);
        }
    }
    return {};
}

Outcome read_numbers(const Call& call) {
    Patience patience(call.fd, EPOLLIN);
    for (std::uint64_t last = 0;;) {
        std::uint64_t number = 0;
        const ssize_t n = patience.call([&] { return ::read(call.fd, &number, sizeof(number)); });
        if (n != sizeof(number)) {
            return outcome(n);
        }
        if (number == slot_stop) {
            return outcome(static_cast<std::int64_t>(last));
        }
        if (number <= last) {
            errno = ERANGE;
            return outcome(-1);
        }
        last = number;
    }
}

} // namespace action
} // namespace ipcdev::conformance
