// SPDX-License-Identifier: MIT
#include "traced_keeper.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <fstream>
#include <unordered_map>

#include "call.h"
#include "support/errors.h"
#include "support/mounts.h"
#include "support/waiting.h"

namespace ipcdev::keep_tests {

namespace {

using std::chrono::steady_clock;
using test::checked;

// If the tests die, both processes do; the third one then unmounts. (No signal of a parent's death
// reaches one that has switched users.)
constexpr long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL;
constexpr int syscall_stop = SIGTRAP | 0x80; // with PTRACE_O_TRACESYSGOOD
constexpr std::uint64_t gone = 0;            // where the next instruction is, if there is none
constexpr std::uint64_t syscall_bytes = 2;   // 0f 05

extern "C" void on_alarm(int /*signal_number*/) {}

// From now on a wait of this thread ends now and then with EINTR, and so can look at the time.
void tick(suseconds_t microseconds) {
    struct sigaction action {};
    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, nullptr);
    const timeval period{.tv_sec = 0, .tv_usec = microseconds};
    const itimerval timer{.it_interval = period, .it_value = period};
    setitimer(ITIMER_REAL, &timer, nullptr);
}

template <typename Condition> void wait_until(const char* what, Condition condition) {
    const auto deadline = steady_clock::now() + patience();
    for (unsigned attempt = 0; !condition(); ++attempt) {
        if (steady_clock::now() > deadline) {
            throw Hung(what);
        }
        test::back_off(attempt);
    }
}

int event_of(int status) {
    return status >> 16;
}

} // namespace

TracedKeeper::TracedKeeper(const std::string& program) {
#ifndef __x86_64__
    throw CantTrace("the stepper knows the instructions of x86-64 only");
#endif
    std::string name = std::filesystem::temp_directory_path() / "ipcdev-step-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
        test::throw_errno("mkdtemp " + name);
    }
    folder_ = name;
    path_ = folder_ / "device";
    try {
        start(program);
        tick(50'000);
        wait_until_ready();
        attach();
    } catch (...) {
        end();
        throw;
    }
}

TracedKeeper::~TracedKeeper() {
    end();
}

void TracedKeeper::start(const std::string& program) {
    keeper_ = checked(fork(), "fork");
    if (keeper_ == 0) {
        personality(ADDR_NO_RANDOMIZE); // the next one's paths can be compared with this one's
        execl(program.c_str(), program.c_str(), "--keep", "--path", path_.c_str(), "--log-level",
              "error", nullptr);
        _exit(127);
    }
}

void TracedKeeper::wait_until_ready() const {
    wait_until("ipcdevd did not start", [&] {
        if (waitpid(keeper_, nullptr, WNOHANG) != 0) {
            throw Failed("ipcdevd did not start: see its message above");
        }
        return test::is_mount_point(path_) && find_server() != 0;
    });
}

void TracedKeeper::attach() {
    server_ = find_server();
    if (ptrace(PTRACE_SEIZE, keeper_, nullptr, options) == -1 ||
        ptrace(PTRACE_SEIZE, server_, nullptr, options) == -1) {
        if (errno == EPERM) {
            throw CantTrace("this user can't trace a process here");
        }
        test::throw_errno("PTRACE_SEIZE");
    }
}

// Of the keeper's children the one that has its name: the other one waits to unmount.
pid_t TracedKeeper::find_server() const {
    const auto name_of = [](pid_t process) {
        std::ifstream file("/proc/" + std::to_string(process) + "/comm");
        std::string name;
        std::getline(file, name);
        return name;
    };
    const std::string pid = std::to_string(keeper_);
    std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
    for (pid_t child = 0; children >> child;) {
        if (name_of(child) == name_of(keeper_)) {
            return child;
        }
    }
    return 0;
}

// --- what happens to the two processes

std::optional<TracedKeeper::Event> TracedKeeper::wait_for_event() {
    const auto deadline = steady_clock::now() + patience();
    while (!status_) {
        int status = 0;
        const pid_t process = waitpid(-1, &status, __WALL);
        if (process == -1) {
            checked(errno == EINTR ? 0 : -1, "waitpid");
            if (steady_clock::now() > deadline) {
                throw Hung("the server does not stop, or the keeper starts no other one");
            }
        } else if (process == keeper_) {
            watch_keeper(status);
        } else {
            return Event{process, status};
        }
    }
    return std::nullopt;
}

void TracedKeeper::watch_keeper(int status) {
    if (!WIFSTOPPED(status)) {
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        keeper_ = 0;
        return;
    }
    has_forked_ = has_forked_ || event_of(status) == PTRACE_EVENT_FORK;
    const int signal_number = event_of(status) == 0 ? WSTOPSIG(status) : 0;
    ptrace(PTRACE_CONT, keeper_, nullptr, signal_number);
}

// Of the server, with the signal that it is about to get, if any. None: it has ended by itself.
std::optional<int> TracedKeeper::wait_for_stop() {
    const auto event = wait_for_event();
    if (!event) {
        server_ = 0;
        throw Failed("the keeper ended with status " + std::to_string(*status_));
    }
    const int status = event->status;
    if (!WIFSTOPPED(status)) {
        server_ = 0;
        if (WIFSIGNALED(status)) {
            throw Failed("signal " + std::to_string(WTERMSIG(status)) + " killed the server");
        }
        return std::nullopt;
    }
    is_stopped_ = true;
    const int stop = WSTOPSIG(status);
    const bool is_signal = event_of(status) == 0 && stop != SIGTRAP && stop != syscall_stop;
    due_signal_ = is_signal ? stop : 0;
    return status;
}

int TracedKeeper::wait_for_next_stop() {
    const auto status = wait_for_stop();
    if (!status) {
        throw Failed("the server ended by itself");
    }
    return *status;
}

void TracedKeeper::resume(int request) {
    is_stopped_ = false;
    checked(ptrace(static_cast<__ptrace_request>(request), server_, nullptr, due_signal_),
            "ptrace");
    due_signal_ = 0;
}

void TracedKeeper::stop() {
    checked(ptrace(PTRACE_INTERRUPT, server_, nullptr, nullptr), "PTRACE_INTERRUPT");
    while (event_of(wait_for_next_stop()) != PTRACE_EVENT_STOP) {
        resume(PTRACE_CONT); // a signal came first
    }
}

void TracedKeeper::go_on() {
    if (server_ != 0 && is_stopped_) {
        resume(PTRACE_CONT);
    }
}

void TracedKeeper::run_to_request(std::uint32_t opcode, unsigned nth) {
    bool is_read = false;
    std::uint64_t buffer = 0;
    while (true) {
        resume(PTRACE_SYSCALL);
        if (WSTOPSIG(wait_for_next_stop()) != syscall_stop) {
            continue;
        }
        __ptrace_syscall_info info{};
        checked(ptrace(PTRACE_GET_SYSCALL_INFO, server_, sizeof(info), &info),
                "PTRACE_GET_SYSCALL_INFO");
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
            is_read = info.entry.nr == SYS_read;
            connection_ = info.entry.args[0];
            buffer = info.entry.args[1];
            continue;
        }
        const bool is_request = is_read && info.exit.rval > 0;
        if (is_request && opcode_at(buffer) == opcode && --nth == 0) {
            read_site_ = info.instruction_pointer - syscall_bytes;
            return;
        }
    }
}

std::uint32_t TracedKeeper::opcode_at(std::uint64_t buffer) const {
    fuse_in_header header{};
    const iovec here{.iov_base = &header, .iov_len = sizeof(header)};
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the other process
    const iovec there{.iov_base = reinterpret_cast<void*>(buffer), .iov_len = sizeof(header)};
    checked(process_vm_readv(server_, &here, 1, &there, 1, 0), "process_vm_readv");
    return header.opcode;
}

void TracedKeeper::run_to_stop_signal() {
    ::kill(keeper_, SIGTERM);
    while (true) {
        static_cast<void>(wait_for_next_stop());
        if (due_signal_ == SIGTERM) {
            return;
        }
        resume(PTRACE_CONT);
    }
}

// --- instruction by instruction

Path TracedKeeper::walk() {
    Path path;
    std::unordered_map<std::uint64_t, std::uint32_t> arrivals;
    do {
        const std::uint64_t address = here();
        path.points.push_back({.address = address, .arrivals = ++arrivals[address]});
    } while (!is_before_read() && step());
    if (server_ == 0) { // its last instruction ended it
        path.points.push_back({.address = gone, .arrivals = 1});
    }
    return path;
}

bool TracedKeeper::advance(const Path& path, std::uint64_t instructions) {
    constexpr std::uint64_t furthest = 64;
    const auto cost = [&](std::uint64_t at) {
        return (at == 0 ? 0 : path.points[at].arrivals) + (instructions - at);
    };
    std::uint64_t best = instructions;
    for (std::uint64_t at = instructions - std::min(instructions, furthest); at < instructions;
         ++at) {
        best = cost(at) < cost(best) ? at : best;
    }
    if (best != 0 && path.points[best].address == gone) {
        --best; // the last instruction ends it: there is none after that to stop at
    }
    bool goes_on = best == 0 || run_to(path.points[best]);
    for (std::uint64_t left = instructions - best; goes_on && left != 0; --left) {
        goes_on = !is_before_read() && step();
    }
    return instructions == 0 || path.points[instructions].address == (server_ == 0 ? gone : here());
}

// One instruction, with all repetitions of a string instruction, or to the first one of a signal's
// handler. False if it has ended by itself.
bool TracedKeeper::step() {
    const std::uint64_t before = here();
    do {
        resume(PTRACE_SINGLESTEP);
        if (!wait_for_stop()) {
            return false;
        }
    } while (here() == before);
    return true;
}

bool TracedKeeper::run_to(const Path::Point& point) {
    set_breakpoints(point.address, read_site_);
    for (std::uint32_t arrivals = 0; arrivals < point.arrivals;) {
        resume(PTRACE_CONT);
        if (!wait_for_stop()) {
            return false;
        }
        arrivals += due_signal_ == 0 && here() == point.address ? 1 : 0;
        if (arrivals < point.arrivals && is_before_read()) {
            return false;
        }
    }
    set_breakpoints(0, 0); // or a step to there would stop once more before the next one
    return true;
}

#ifdef __x86_64__

std::uint64_t TracedKeeper::here() const {
    return static_cast<std::uint64_t>(
        ptrace(PTRACE_PEEKUSER, server_, offsetof(user, regs.rip), nullptr));
}

// Is the next instruction the one that reads the connection?
bool TracedKeeper::is_before_read() const {
    if (here() != read_site_) {
        return false;
    }
    user_regs_struct registers{};
    checked(ptrace(PTRACE_GETREGS, server_, nullptr, &registers), "PTRACE_GETREGS");
    return registers.rax == SYS_read && registers.rdi == connection_;
}

// It stops before it does one of them; 0: no more. In the processor's registers: nothing changes in
// the pages that other servers will share.
void TracedKeeper::set_breakpoints(std::uint64_t first, std::uint64_t second) const {
    const unsigned long enabled = first == 0 ? 0 : 0b101; // each for an instruction
    const auto set = [this](int which, std::uint64_t value) {
        const std::size_t offset =
            offsetof(user, u_debugreg) + static_cast<std::size_t>(which) * sizeof(long);
        checked(ptrace(PTRACE_POKEUSER, server_, offset, value), "a breakpoint");
    };
    set(7, 0);
    set(0, first);
    set(1, second);
    set(7, enabled);
}

#else

std::uint64_t TracedKeeper::here() const {
    return 0;
}
bool TracedKeeper::is_before_read() const {
    return true;
}
void TracedKeeper::set_breakpoints(std::uint64_t /*first*/, std::uint64_t /*second*/) const {}

#endif

// --- the kill

// The tracer reaps it first, then the keeper hears of it.
void TracedKeeper::kill() {
    has_forked_ = false;
    if (server_ != 0) {
        checked(::kill(server_, SIGKILL), "kill");
        is_stopped_ = false;
    }
    pid_t next = 0;
    while (next == 0 || !has_forked_) {
        const auto event = wait_for_event();
        if (!event) {
            server_ = 0;
            return; // the keeper has ended, as it does where the server had ended before the kill
        }
        if (event->process != server_ && WIFSTOPPED(event->status)) {
            next = event->process;
        }
    }
    server_ = next;
    is_stopped_ = true;
    due_signal_ = 0;
}

int TracedKeeper::wait_for_end() {
    go_on();
    while (const auto event = wait_for_event()) {
        if (WIFSTOPPED(event->status)) {
            server_ = event->process;
            const int stop = event_of(event->status) == 0 ? WSTOPSIG(event->status) : 0;
            ptrace(PTRACE_CONT, server_, nullptr, stop == SIGTRAP ? 0 : stop);
        }
    }
    server_ = 0;
    return *status_;
}

void TracedKeeper::end() {
    if (keeper_ != 0) {
        try {
            ::kill(keeper_, SIGTERM);
            static_cast<void>(wait_for_end());
        } catch (const std::exception&) {
            if (server_ != 0) {
                ::kill(server_, SIGKILL);
            }
            ::kill(keeper_, SIGKILL);
            waitpid(keeper_, nullptr, __WALL);
        }
    }
    tick(0);
    clean_up();
}

void TracedKeeper::clean_up() const {
    try {
        wait_until("the unmount", [&] { return !test::is_mount_point(path_); });
    } catch (const std::exception&) {
        test::unmount(path_);
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

} // namespace ipcdev::keep_tests
