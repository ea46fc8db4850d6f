// SPDX-License-Identifier: MIT
//
// A client: a process that makes system calls on the device when it is told to.
//
// The suite's process sends it a function's address and arguments over a
// socket, and gets an Outcome back. The client is a fork of the suite, so the
// address means the same there: any captureless lambda can be run in it.
//
// A call may be left under way (start_*) and collected later (result()).
// SIGUSR1 has a handler without SA_RESTART in every client, SIGUSR2 one with it.
//
// Not started until first used; the first use of fd() opens the device.
#pragma once

#include <array>
#include <csignal>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <poll.h>

#include "support/errno_words.h"
#include "support/process.h"

namespace ipcdev::conformance {

using namespace test; // what starts, awaits and ends processes

// What a system call returned: its result, or -1 and an error.
struct Outcome {
    std::int64_t result = 0;
    int error = 0;
    std::uint32_t events = 0; // poll, select, epoll: POLL* or EPOLL*
    std::string bytes;        // read: what came; ioctl: the struct afterwards

    // "5 'hello'", "-1 EAGAIN"
    [[nodiscard]] std::string text() const;
};

// From the return value of a system call, and errno.
[[nodiscard]] Outcome outcome(std::int64_t result, std::string bytes = {});

struct Call {
    int fd = -1;
    std::array<std::int64_t, 4> numbers{};
    std::string bytes;
    int passed = -1; // a descriptor that came with the call
};

using Action = Outcome (*)(const Call&);

// The client ended where it should have answered.
class ClientGone : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// The bytes of a struct, and back.
template <class Struct> [[nodiscard]] std::string bytes_of(const Struct& object) {
    return {reinterpret_cast<const char*>(&object), sizeof(object)};
}
template <class Struct> [[nodiscard]] Struct from_bytes(std::string_view bytes) {
    Struct object{};
    bytes.copy(reinterpret_cast<char*>(&object), sizeof(object));
    return object;
}

class Client {
  public:
    static constexpr int own = -1; // as `fd`: the one that was opened last

    explicit Client(std::string name) : name_(std::move(name)) {}
    Client(Client&&) noexcept = default;
    Client& operator=(Client&&) noexcept = default;
    ~Client() = default; // kills it

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] pid_t pid(); // as the kernel counts threads: the one that calls
    [[nodiscard]] bool started() const { return socket_.is_open(); }
    [[nodiscard]] int fd(); // in the client; opens O_RDWR if nothing is open

    // Runs `action` in the client. fd, if it is `own`, becomes fd().
    Outcome run(Action action, Call call = {});
    void start(Action action, Call call = {});
    [[nodiscard]] bool under_way() const { return under_way_; }
    [[nodiscard]] bool finished(); // under way, and result() would not wait
    Outcome result();              // of what was started

    // Another command loop in the same process: the same descriptors.
    Client thread(std::string name);
    // A fork of the client: the same open file descriptions in another process.
    Client fork(std::string name);

    void signal(int number);                              // to this thread
    std::optional<Status> kill(int number = SIGKILL);     // and wait for its end
    [[nodiscard]] Process& process() { return process_; } // not of a thread
    void end();                                           // killed, and as if never used

    // System calls. `fd` is a number in the client.
    Outcome open(int flags = O_RDWR, int mode = 0); // becomes fd()
    Outcome close(int fd = own);
    Outcome dup(int fd = own);
    Outcome read(std::size_t count, int fd = own);
    Outcome write(std::string_view bytes, int fd = own);
    Outcome readv(const std::vector<std::size_t>& segments, int fd = own);
    Outcome writev(const std::vector<std::string>& segments, int fd = own);
    Outcome pread(std::size_t count, off_t offset, int fd = own);
    Outcome pwrite(std::string_view bytes, off_t offset, int fd = own);
    Outcome lseek(off_t offset, int whence, int fd = own);
    Outcome ioctl(unsigned long number, std::string_view argument = {}, int fd = own);
    Outcome set_nonblocking(bool on = true, int fd = own); // fcntl(F_SETFL)
    // Where the buffer is not the program's memory: from `good` bytes on.
    Outcome read_into_bad_buffer(std::size_t count, std::size_t good = 0, int fd = own);
    Outcome write_from_bad_buffer(std::size_t count, std::size_t good = 0, int fd = own);
    // The same by a vector of one segment, all of it bad.
    Outcome readv_into_bad_buffer(std::size_t count, int fd = own);
    Outcome writev_from_bad_buffer(std::size_t count, int fd = own);

    // Outcome::events; timeout -1 waits.
    Outcome poll(int events, int timeout_ms = 0, int fd = own);
    Outcome select(int events, int timeout_ms = 0, int fd = own); // POLLIN, POLLOUT
    // A new epoll instance in the client that watches for `events`.
    int epoll(std::uint32_t events, int fd = own);
    Outcome epoll_wait(int epoll, int timeout_ms = 0);

    void start_read(std::size_t count, int fd = own);
    void start_write(std::string_view bytes, int fd = own);
    void start_writev(const std::vector<std::string>& segments, int fd = own);
    void start_readv(const std::vector<std::size_t>& segments, int fd = own);
    void start_read_into_bad_buffer(std::size_t count, std::size_t good = 0, int fd = own);
    void start_poll(int events, int timeout_ms = -1, int fd = own);
    void start_select(int events, int timeout_ms = -1, int fd = own);
    void start_epoll_wait(int epoll, int timeout_ms = -1);

  private:
    void ensure_started();
    Client adopt(Action how, std::string name);
    [[nodiscard]] int given(int fd); // `own` resolved
    void send(Action action, const Call& call);
    Outcome receive();

    std::string name_;
    Descriptor socket_; // to the client; closed before the process is killed
    Process process_;   // none for a thread
    pid_t pid_ = 0;
    int fd_ = own;
    bool under_way_ = false;
};

} // namespace ipcdev::conformance
