// SPDX-License-Identifier: MIT
#include "unmounter.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstring>
#include <exception>
#include <vector>

#include "privileges.h"
#include "session.h"

namespace ipcdev {

namespace {

constexpr const char* short_name = "ipcdevd-unmount"; // 15 characters, as the kernel has room for
constexpr std::chrono::seconds patience{10};          // an unmount takes milliseconds

// For ps(1), and so that a search for the server by name or command line finds only the
// server. The title overwrites the arguments, which are contiguous, before the environment.
void set_title(const std::string& title) {
    prctl(PR_SET_NAME, short_name);
    char* const begin = program_invocation_name;
    if (environ == nullptr || *environ == nullptr || *environ <= begin ||
        *environ - begin > _POSIX_ARG_MAX * 32) {
        return; // they are not contiguous
    }
    const std::span place(begin, static_cast<std::size_t>(*environ - begin));
    std::ranges::fill(place, '\0');
    title.copy(place.data(), place.size() - 1);
}

void close_all_but(std::vector<int> kept) {
    std::ranges::sort(kept);
    unsigned next = 0;
    for (const int fd : kept) {
        if (static_cast<unsigned>(fd) > next) {
            close_range(next, static_cast<unsigned>(fd) - 1, 0);
        }
        next = static_cast<unsigned>(fd) + 1;
    }
    close_range(next, UINT_MAX, 0);
    int null = -1;
    do { // fusermount3 needs the first three
        null = open("/dev/null", O_RDWR);
    } while (null != -1 && null <= STDERR_FILENO);
    close(null);
}

// The child sends a byte when it is ready, and one when it has unmounted; the server only
// ends. False if the other side ended without sending one.
bool wait_for_byte(int socket) {
    char byte = 0;
    ssize_t got = 0;
    do {
        got = read(socket, &byte, 1);
    } while (got == -1 && errno == EINTR);
    return got == 1;
}

void send_byte(int socket) {
    const char byte = 1;
    static_cast<void>(send(socket, &byte, 1, MSG_NOSIGNAL)); // the other one may be gone
}

[[noreturn]] void run(int server, const std::string& path, std::vector<int> kept,
                      const std::function<bool()>& unmount) {
    bool done = false;
    try {
        setsid();
        set_title("ipcdevd: unmounts " + path + " at the end");
        kept.push_back(server);
        close_all_but(std::move(kept));
        if (geteuid() == 0) {
            keep_only_the_right_to_mount();
        }
        static_cast<void>(chdir("/")); // so that it holds up nobody's unmount
        send_byte(server);
        wait_for_byte(server); // the server sends none: waits for its end
        done = unmount();
        if (done) {
            send_byte(server);
        }
    } catch (const std::exception&) { // nobody to tell: the server may be gone
        done = false;
    }
    _exit(done ? EXIT_SUCCESS : EXIT_FAILURE);
}

} // namespace

Unmounter::Unmounter(const std::string& path, std::span<const int> kept,
                     const std::function<bool()>& unmount) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == -1) {
        throw CannotServe(std::string("can't make a socket: ") + std::strerror(errno));
    }
    child_ = Descriptor(ends[0]);
    Descriptor other_end(ends[1]);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before); // and the child never unblocks them
    pid_ = fork();
    const int error = errno;
    if (pid_ == 0) {
        child_.close(); // or the server's end would never show
        run(other_end.get(), path, {kept.begin(), kept.end()}, unmount);
    }
    sigprocmask(SIG_SETMASK, &before, nullptr);
    other_end.close();
    if (pid_ == -1 || !wait_for_byte(child_.get())) {
        throw CannotServe(std::string("can't start the process that unmounts at the end: ") +
                          (pid_ == -1 ? std::strerror(error) : "it was killed"));
    }
}

bool Unmounter::unmount_now() {
    shutdown(child_.get(), SHUT_WR);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    pollfd answer{.fd = child_.get(), .events = POLLIN, .revents = 0};
    bool done = false;
    while (std::chrono::steady_clock::now() < deadline) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (poll(&answer, 1, static_cast<int>(left.count())) == 1) {
            done = wait_for_byte(child_.get());
            waitpid(pid_, nullptr, 0);
            break;
        }
    }
    child_.close();
    return done;
}

} // namespace ipcdev
