// SPDX-License-Identifier: MIT
#include "process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watchdog.h"

namespace ipcdev::conformance {
namespace {

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

int open_pidfd(pid_t pid) {
    return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

Descriptor memory_file(const char* name) {
    Descriptor file(memfd_create(name, MFD_CLOEXEC));
    if (!file.is_open()) {
        throw_errno("memfd_create");
    }
    return file;
}

std::string contents(const Descriptor& file) {
    std::string text;
    std::array<char, 4096> part{};
    ssize_t n = 0;
    while ((n = pread(file.get(), part.data(), part.size(), static_cast<off_t>(text.size()))) > 0) {
        text.append(part.data(), static_cast<std::size_t>(n));
    }
    return text;
}

// After the fork: what the suite set up for itself, or inherited, is undone.
void become_child(pid_t suite, int at_suite_death) {
    prctl(PR_SET_PDEATHSIG, at_suite_death);
    if (getppid() != suite) {
        _exit(0); // it died before the line above
    }
    for (int number = 1; number < SIGRTMIN; ++number) {
        std::signal(number, SIG_DFL); // shells start background jobs with SIGINT ignored
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

int become(const std::vector<std::string>& arguments, int input, int output, int errors) {
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (const auto& argument : arguments) {
        argv.push_back(const_cast<char*>(argument.c_str()));
    }
    argv.push_back(nullptr);
    execvp(argv[0], argv.data());
    dprintf(STDERR_FILENO, "can't run %s: %s\n", argv[0],
            std::generic_category().message(errno).c_str());
    return 127;
}

} // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = other.release();
    }
    return *this;
}

int Descriptor::release() {
    return std::exchange(fd_, -1);
}

void Descriptor::close() {
    if (fd_ >= 0) {
        ::close(release());
    }
}

Process::Process(const std::function<int()>& body, int at_suite_death) {
    const pid_t suite = getpid();
    pid_ = fork();
    if (pid_ < 0) {
        throw_errno("fork");
    }
    if (pid_ == 0) {
        become_child(suite, at_suite_death);
        _exit(body());
    }
    watchdog::add(pid_);
    pidfd_ = Descriptor(open_pidfd(pid_));
}

Process::Process(pid_t child) : pid_(child), pidfd_(open_pidfd(child)) {
    watchdog::add(pid_);
}

Process& Process::operator=(Process&& other) noexcept {
    if (this != &other) {
        kill();
        pid_ = other.pid_;
        pidfd_ = std::move(other.pidfd_);
    }
    return *this;
}

bool Process::ended() const {
    pollfd end{pidfd_.get(), POLLIN, 0};
    return !exists() || ::poll(&end, 1, 0) > 0;
}

void Process::signal(int number) const {
    if (exists()) {
        syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
    }
}

std::optional<int> Process::wait() {
    if (!exists()) {
        return {};
    }
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    watchdog::remove(pid_);
    pidfd_.close();
    return status;
}

std::optional<int> Process::kill(int number) {
    signal(number);
    return wait();
}

Program::Program(const std::vector<std::string>& arguments, const std::string& input,
                 int at_suite_death)
    : output_(memory_file("output")), errors_(memory_file("errors")) {
    const Descriptor in = memory_file("input");
    if (pwrite(in.get(), input.data(), input.size(), 0) != static_cast<ssize_t>(input.size())) {
        throw_errno("memory file");
    }
    process_ = Process([&] { return become(arguments, in.get(), output_.get(), errors_.get()); },
                       at_suite_death);
}

Program Program::shell(const std::string& command, const std::string& input, int at_suite_death) {
    return Program({"/bin/sh", "-c", command}, input, at_suite_death);
}

std::string Program::output() const {
    return contents(output_);
}
std::string Program::errors() const {
    return contents(errors_);
}

std::string shell_quoted(const std::string& text) {
    std::string word = "'";
    for (const char c : text) {
        word += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return word + "'";
}

void back_off(unsigned attempt) {
    if (attempt < 10) {
        sched_yield();
        return;
    }
    const long microseconds = std::min(50L * attempt, 5000L);
    const timespec pause{0, microseconds * 1000};
    ppoll(nullptr, 0, &pause, nullptr);
}

} // namespace ipcdev::conformance
