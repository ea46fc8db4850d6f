// SPDX-License-Identifier: MIT
//
// An `ipcdevd --keep` on a FUSE file of its own, whose server runs under ptrace(2): it stops where
// a request begins, does so many instructions and no more, and is killed there.
//
//     stop()              the server stops, wherever it is
//     run_to_request()    it goes on until its read() of the connection returns that request
//     walk()              it does one user instruction after the other, until the next one would be
//                         the read() of the next request. A system call is one, and so is a
//                         string instruction with all its repetitions
//     advance(path, n)    it does the first n instructions of that path
//     kill()              SIGKILL. The keeper forks another server, which is stopped too, before
//                         its first instruction: what it steps through from there is recovery
//     go_on()             it runs as if nobody watched
//
// The keeper is traced as well, so that no server escapes, and runs freely.
//
// Only for the thread that made it, as ptrace(2) wants it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace ipcdev::keep_tests {

// Not here: no FUSE, no right to trace, another processor.
class CantTrace : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// Waited in vain.
class Hung : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// It ended, or crashed, where it was not killed.
class Failed : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// The instructions that a server did, one by one.
struct Path {
    // Before each of them, and after the last: its address, and how often it was arrived at so far,
    // that time included.
    struct Point {
        std::uint64_t address;
        std::uint32_t arrivals;
    };
    std::vector<Point> points;

    [[nodiscard]] std::uint64_t instructions() const { return points.size() - 1; }
};

class TracedKeeper {
  public:
    // Returns once it serves.
    explicit TracedKeeper(const std::string& program);
    TracedKeeper(const TracedKeeper&) = delete;
    TracedKeeper& operator=(const TracedKeeper&) = delete;
    // Ends it, and with it all calls; nothing is left.
    ~TracedKeeper();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    void stop();
    // To the n-th request with this FUSE_* opcode. Requires: the server is stopped.
    void run_to_request(std::uint32_t opcode, unsigned nth);
    // Asks the keeper to end, and goes on until the server is about to get the signal for that.
    void run_to_stop_signal();
    // Both require: the server is stopped.
    [[nodiscard]] Path walk();
    // By a breakpoint for most of the way, which is much faster than to step. False if it is
    // elsewhere, or at the request's end, as this time it went another way.
    bool advance(const Path& path, std::uint64_t instructions);
    void kill();
    void go_on();

    // Lets all of it run until the keeper has ended. Returns its exit status.
    [[nodiscard]] int wait_for_end();

  private:
    struct Event {
        pid_t process; // the server, or one that will be it
        int status;    // as from waitpid(2)
    };

    void start(const std::string& program);
    void wait_until_ready() const;
    void attach();
    [[nodiscard]] pid_t find_server() const;
    // Of the server. Meanwhile lets the keeper go on. None: the keeper has ended.
    [[nodiscard]] std::optional<Event> wait_for_event();
    [[nodiscard]] std::optional<int> wait_for_stop();
    [[nodiscard]] int wait_for_next_stop(); // or throws Failed
    void watch_keeper(int status);
    void resume(int request); // PTRACE_*; with the signal that is due
    bool step();
    [[nodiscard]] std::uint64_t here() const;
    [[nodiscard]] bool is_before_read() const;
    bool run_to(const Path::Point& point);
    void set_breakpoints(std::uint64_t first, std::uint64_t second) const;
    [[nodiscard]] std::uint32_t opcode_at(std::uint64_t buffer) const;
    void end();
    void clean_up() const;

    std::filesystem::path folder_;
    std::filesystem::path path_;
    pid_t keeper_ = 0;
    pid_t server_ = 0;
    bool is_stopped_ = false;      // the server
    bool has_forked_ = false;      // the keeper, since the last kill
    int due_signal_ = 0;           // that the server gets when it goes on
    std::optional<int> status_;    // of the keeper
    std::uint64_t read_site_ = 0;  // address of the instruction that reads the connection
    std::uint64_t connection_ = 0; // descriptor
};

} // namespace ipcdev::keep_tests
