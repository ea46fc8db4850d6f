// SPDX-License-Identifier: MIT
//
// Many processes at one device, doing what chance says: reads and writes that
// park, poll, fault in their buffers, are interrupted, restarted and killed, by
// opens of their own and by one that all of them have, among opens, closes, CLEAR and
// CONFIGURE. At the end of each round nothing may be
// lost, by the clients' own record and by STATS. Made for the kernel module under
// a kernel with sanitizers, which see the rest.
//
// usage: ipcdev-stress DEVICE [OPERATIONS [SEED [WATCHDOG-SECONDS]]]
//
// Needs root, for CONFIGURE. Exit status: 0 all well, 1 something is wrong,
// 2 wrong options, 3 it hung.
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "stress_client.h"
#include "support/descriptor.h"
#include "support/errors.h"
#include "uapi/ipcdev.h"
#include "unit_record.h"

namespace ipcdev::stress {

namespace {

using test::checked;
using test::Descriptor;

struct Round {
    const char* name;
    unsigned mode;
    unsigned depth;
    Liberties liberties;
    bool kills;

    // Then every byte that was written must be read.
    [[nodiscard]] bool is_exact() const {
        return !kills && !liberties.clear && !liberties.configure && mode == IPCDEV_MODE_FIFO;
    }
};

constexpr std::array rounds{
    Round{"fifo of 4, nothing may be lost", IPCDEV_MODE_FIFO, 4, {}, false},
    Round{"fifo of 1, kills and CLEAR", IPCDEV_MODE_FIFO, 1, {.clear = true}, true},
    Round{"slot, kills and CLEAR", IPCDEV_MODE_SLOT, 1, {.clear = true}, true},
    Round{"ring of 4, kills and CLEAR", IPCDEV_MODE_RING, 4, {.clear = true}, true},
    Round{"fifo, slot or ring, kills, CLEAR and CONFIGURE",
          IPCDEV_MODE_FIFO,
          8,
          {.clear = true, .configure = true},
          true},
};

constexpr std::size_t clients_at_once = 7;

// The watchdog: nothing here can block for ever, since whoever is parked gets
// signals, unless the device loses one.
extern "C" void give_up(int) {
    constexpr char message[] = "stress: it hangs\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, message, sizeof(message) - 1);
    _exit(3); // the clients die with it
}

class Stress {
  public:
    Stress(std::string device, long operations, unsigned seed)
        : device_(std::move(device)), operations_(operations), random_(seed),
          control_(open(O_RDWR | O_NONBLOCK)) {}

    void run(const Round& round) {
        configure(round);
        const ipcdev_stats before = stats();
        UnitRecord record(operations_);
        kills_ = 0;
        shared_ = open(O_RDWR);
        std::vector<pid_t> clients;
        while (clients.size() < clients_at_once) {
            clients.push_back(start_client(record, round));
        }
        while (record.left() > 0) {
            disturb(clients, record, round);
        }
        for (const pid_t client : clients) {
            dismiss(client);
        }
        shared_.close(); // what it has begun goes back to a fifo
        drain(record);
        check(round, record, before, stats());
    }

  private:
    unsigned below(unsigned end) {
        return std::uniform_int_distribution<unsigned>(0, end - 1)(random_);
    }

    [[nodiscard]] Descriptor open(int flags) const {
        return Descriptor(checked(::open(device_.c_str(), flags | O_CLOEXEC), "open"));
    }

    void configure(const Round& round) const {
        ipcdev_configure change{};
        change.size = sizeof(change);
        change.mode = round.mode;
        change.depth = round.depth;
        change.max_message = IPCDEV_MESSAGE_MAX;
        checked(ioctl(control_.get(), IPCDEV_IOC_CONFIGURE, &change), "CONFIGURE");
    }

    [[nodiscard]] ipcdev_stats stats() const {
        ipcdev_stats stats{};
        stats.size = sizeof(stats);
        checked(ioctl(control_.get(), IPCDEV_IOC_STATS, &stats), "STATS");
        return stats;
    }

    [[nodiscard]] ipcdev_info info() const {
        ipcdev_info info{};
        info.size = sizeof(info);
        checked(ioctl(control_.get(), IPCDEV_IOC_INFO, &info), "INFO");
        return info;
    }

    pid_t start_client(UnitRecord& record, const Round& round) {
        const unsigned seed = below(1U << 31);
        const pid_t parent = getpid();
        const pid_t client = checked(fork(), "fork");
        if (client == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            const bool orphan = getppid() != parent;
            _exit(orphan ? 1 : run_client(device_, shared_.get(), record, round.liberties, seed));
        }
        return client;
    }

    // Something happens to one of the clients, after some of them got on or all
    // seem to be stuck.
    void disturb(std::vector<pid_t>& clients, UnitRecord& record, const Round& round) {
        const long enough = record.left() - below(8);
        for (unsigned patience = 200; patience > 0 && record.left() > enough; --patience) {
            sched_yield();
        }
        pid_t& client = clients[below(clients_at_once)];
        if (round.kills && below(32) == 0) {
            checked(kill(client, SIGKILL), "kill");
            expect_end(client, SIGKILL);
            ++kills_;
            client = start_client(record, round);
        } else {
            checked(kill(client, below(3) == 0 ? SIGUSR2 : SIGUSR1), "kill");
        }
        if (below(8) == 0) {
            look();
        }
    }

    // Who asks what is going on must not disturb.
    void look() const {
        ipcdev_waiters waiters{};
        waiters.size = sizeof(waiters);
        checked(ioctl(control_.get(), IPCDEV_IOC_WAITERS, &waiters), "WAITERS");
        const ipcdev_info now = info();
        if (waiters.count != waiters.total || waiters.total > clients_at_once ||
            now.parked_readers + now.parked_writers > clients_at_once) {
            throw std::runtime_error("more calls are parked than there are clients");
        }
        (void)stats();
    }

    // Waits for the end of a client; signals until it comes, since it may be parked.
    void dismiss(pid_t client) {
        int status = 0;
        while (checked(waitpid(client, &status, WNOHANG), "waitpid") == 0) {
            kill(client, SIGUSR1);
            sched_yield();
        }
        expect_status(status, 0);
    }

    void expect_end(pid_t client, int signal_number) {
        int status = 0;
        checked(waitpid(client, &status, 0), "waitpid");
        expect_status(status, signal_number);
    }

    static void expect_status(int status, int signal_number) {
        const bool exited = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (!exited && !(WIFSIGNALED(status) && WTERMSIG(status) == signal_number)) {
            throw std::runtime_error("a client failed");
        }
    }

    void drain(UnitRecord& record) const {
        std::vector<Unit> room(IPCDEV_MESSAGE_MAX / unit_bytes);
        for (;;) {
            const ssize_t got = ::read(control_.get(), room.data(), room.size() * unit_bytes);
            if (got == -1 && errno == EAGAIN) {
                return;
            }
            const auto bytes = static_cast<std::size_t>(checked(got, "read"));
            record.received(std::span(room).first(bytes / unit_bytes));
        }
    }

    static void expect(bool holds, const char* sentence) {
        if (!holds) {
            throw std::runtime_error(std::string("this does not hold: ") + sentence);
        }
    }

    void check(const Round& round, const UnitRecord& record, const ipcdev_stats& before,
               const ipcdev_stats& after) const {
        const ipcdev_info now = info();
        const auto messages = after.messages_written - before.messages_written;
        const auto bytes_written = after.bytes_written - before.bytes_written;
        const auto bytes_read = after.bytes_read - before.bytes_read;
        report(round, record, before, after);
        expect(now.queued_messages == 0 && now.queued_bytes == 0, "what is drained is empty");
        expect(now.begun_messages == 0, "what is begun is gone with its open");
        expect(now.parked_readers == 0 && now.parked_writers == 0, "nobody is parked");
        expect(now.opens == 1, "the clients' opens are gone");
        expect(after.messages_written ==
                   after.messages_read + after.messages_overwritten + after.messages_cleared,
               "written = read + overwritten + cleared");
        expect(after.interrupted - before.interrupted + kills_ + record.counted(polls) >=
                   record.counted(interrupted_calls),
               "the interrupted calls are counted");
        expect(messages >= record.counted(written_messages) &&
                   messages <= record.counted(written_messages) + kills_,
               "a message is written whole, or not at all");
        expect(bytes_read >= record.counted(stress::read_bytes), "what was read is counted");
        if (round.is_exact()) {
            expect(record.lost() == 0, "all that was written was read");
            expect(record.unexpected() == 0, "no more was read than was written");
            expect(bytes_written == bytes_read && bytes_read == record.counted(stress::read_bytes),
                   "bytes written = bytes read");
        }
    }

    void report(const Round& round, const UnitRecord& record, const ipcdev_stats& before,
                const ipcdev_stats& after) const {
        std::cout << round.name << ": " << operations_ << " operations, "
                  << after.messages_written - before.messages_written << " messages, "
                  << after.bytes_written - before.bytes_written << " bytes, parked "
                  << after.reader_parks - before.reader_parks << " readers and "
                  << after.writer_parks - before.writer_parks << " writers, "
                  << after.interrupted - before.interrupted << " interrupted, "
                  << record.counted(read_faults) << " reads that faulted, "
                  << record.counted(write_faults) << " bad writes, " << kills_ << " kills, "
                  << record.counted(clears) << " clears, " << record.counted(configures)
                  << " configures, " << record.counted(opens) << " opens, " << record.counted(polls)
                  << " polls" << std::endl;
    }

    const std::string device_;
    const long operations_;
    std::mt19937 random_;
    unsigned kills_ = 0;
    Descriptor control_;
    Descriptor shared_; // of all clients of a round
};

long number(const char* text, long least, long most) {
    char* end = nullptr;
    const long value = std::strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < least || value > most) {
        std::cerr << "stress: must be " << least << " to " << most << ", not '" << text << "'\n";
        std::exit(2);
    }
    return value;
}

} // namespace

} // namespace ipcdev::stress

int main(int argc, char** argv) {
    using namespace ipcdev::stress;
    if (argc < 2 || argc > 5) {
        std::cerr << "usage: ipcdev-stress DEVICE [OPERATIONS [SEED [WATCHDOG-SECONDS]]]\n";
        return 2;
    }
    const long operations = argc > 2 ? number(argv[2], 1, 10000000) : 10000;
    const auto seed = static_cast<unsigned>(argc > 3 ? number(argv[3], 0, 1L << 31) : 1);
    const auto seconds = static_cast<unsigned>(argc > 4 ? number(argv[4], 1, 86400) : 300);
    std::signal(SIGALRM, give_up);
    alarm(seconds);
    try {
        handle_signals();
        Stress stress(argv[1], operations, seed);
        for (const Round& round : rounds) {
            stress.run(round);
        }
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "stress: " << error.what() << '\n';
        return 1;
    }
}
