// SPDX-License-Identifier: MIT
#include "process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "watchdog.h"

namespace ipcdev::daemon_tests {

namespace {

constexpr int cannot_run = 127;

int checked(int result, const char* what) {
    if (result == -1) {
        throw std::system_error(errno, std::generic_category(), what);
    }
    return result;
}

Descriptor open_pidfd(pid_t pid) {
    return Descriptor(checked(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)), "pidfd_open"));
}

Descriptor memory_file(const char* name) {
    return Descriptor(checked(memfd_create(name, MFD_CLOEXEC), "memfd_create"));
}

std::string contents(const Descriptor& file) {
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = pread(file.get(), part.data(), part.size(),
                                       static_cast<off_t>(text.size()))) > 0;) {
        text.append(part.data(), static_cast<std::size_t>(got));
    }
    return text;
}

// What the tests set up for themselves is undone, and the child dies with them.
void become_child(pid_t tests) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != tests) {
        _exit(0);
    }
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    sigaction(SIGALRM, &usual, nullptr);
}

[[noreturn]] void run(const Command& command, int output, int errors) {
    dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    for (const std::string& setting : command.environment) {
        putenv(const_cast<char*>(setting.c_str())); // NOLINT(concurrency-mt-unsafe)
    }
    if (command.before_exec) {
        command.before_exec();
    }
    if (command.user) {
        become(*command.user);
    }
    std::vector<char*> arguments;
    for (const std::string& argument : command.arguments) {
        arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    dprintf(STDERR_FILENO, "can't run %s: errno %d\n", arguments[0], errno);
    _exit(cannot_run);
}

} // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

void Descriptor::close() {
    if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
    }
}

Process::Process(const std::function<int()>& body) {
    const pid_t tests = getpid();
    pid_ = checked(fork(), "fork");
    if (pid_ == 0) {
        try {
            become_child(tests);
            _exit(body());
        } catch (const std::exception& error) {
            dprintf(STDERR_FILENO, "in a child: %s\n", error.what());
            _exit(cannot_run);
        }
    }
    watchdog::add(pid_);
    pidfd_ = open_pidfd(pid_);
}

Process::Process(pid_t orphan) : pid_(orphan), pidfd_(open_pidfd(orphan)) {
    watchdog::add(pid_);
}

Process& Process::operator=(Process&& other) noexcept {
    if (this != &other) {
        kill();
        pid_ = std::exchange(other.pid_, 0);
        pidfd_ = std::move(other.pidfd_);
    }
    return *this;
}

bool Process::ends_within(long microseconds) const {
    pollfd end{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    const timespec time{.tv_sec = microseconds / 1'000'000,
                        .tv_nsec = microseconds % 1'000'000 * 1000};
    return pid_ == 0 || ppoll(&end, 1, &time, nullptr) == 1;
}

void Process::signal(int number) const {
    if (pid_ != 0) {
        syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
    }
}

Status Process::wait() {
    if (pid_ == 0) {
        throw std::logic_error("nobody to wait for");
    }
    int status = 0;
    while (waitpid(pid_, &status, 0) == -1 && errno == EINTR) {
    }
    watchdog::remove(pid_);
    pid_ = 0;
    pidfd_.close();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Process::kill() {
    if (pid_ != 0) {
        signal(SIGKILL);
        wait();
    }
}

Program::Program(const Command& command)
    : Program(command, memory_file("output"), memory_file("errors")) {}

Program::Program(const Command& command, Descriptor output, Descriptor errors)
    : Process([&]() -> int { run(command, output.get(), errors.get()); }),
      output_(std::move(output)), errors_(std::move(errors)) {}

std::string Program::output() const {
    return contents(output_);
}

std::string Program::errors() const {
    return contents(errors_);
}

void become(uid_t user) {
    if (user == geteuid()) {
        return;
    }
    checked(setgroups(0, nullptr), "setgroups");
    checked(setresgid(user, user, user), "setresgid");
    checked(setresuid(user, user, user), "setresuid");
    prctl(PR_SET_PDEATHSIG, SIGKILL); // the line above cleared it
}

Status run_as(uid_t user, const std::function<int()>& body) {
    Process child([&] {
        become(user);
        return body();
    });
    return child.wait();
}

void back_off(unsigned attempt) {
    if (attempt < 10) {
        sched_yield();
        return;
    }
    const long microseconds = std::min(50L * attempt, 5000L);
    const timespec pause{.tv_sec = 0, .tv_nsec = microseconds * 1000};
    ppoll(nullptr, 0, &pause, nullptr);
}

void still_in_time() {
    if (watchdog::expired()) {
        throw std::runtime_error("the time of the test is over");
    }
}

} // namespace ipcdev::daemon_tests
