// SPDX-License-Identifier: MIT
//
// A connection with the kernel, by CUSE or as a FUSE file. It states where the two differ;
// nothing outside session_*.cpp knows which one runs.
#pragma once

#include <fuse_lowlevel.h>

#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include <sys/types.h>

namespace ipcdev {

// Why the device can't be served: a sentence for the user that also says what to do.
class CannotServe : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// A signal stopped the daemon before it served.
class Stopped : public std::exception {};

// How the kernel splits a read or write of very many segments into consecutive requests from
// the same thread.
struct Splitting {
    // Each but the last has this many segments or pages, so at least that many bytes.
    std::uint32_t segments;
    // True: offsets count from the start of the call, and only its rest has one above 0.
    // False: programs choose them, or sendfile and splice by a position they advance.
    bool offsets_count;
};

// Who may open the node or file.
struct Access {
    mode_t permissions = 0600;
    std::optional<uid_t> owner; // none: whoever serves
    std::optional<gid_t> group;
};

class Session {
  public:
    Session() = default;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    // The connection ends: calls the daemon has not answered get ECONNABORTED,
    // and the node or mount goes away.
    virtual ~Session() = default;

    // IPCDEV_SERVER_*, IPCDEV_CAP_* bits
    [[nodiscard]] virtual std::uint32_t server() const = 0;
    [[nodiscard]] virtual std::uint32_t capabilities() const = 0;
    [[nodiscard]] virtual Splitting splitting() const = 0;
    [[nodiscard]] virtual const std::filesystem::path& path() const = 0;

    // FOPEN_* for the answer to an open.
    [[nodiscard]] virtual std::uint32_t open_flags() const = 0;

    // The descriptor that requests are read from and answers written to.
    [[nodiscard]] int connection() const { return fuse_session_fd(session_); }
    // Has libfuse answer a request that does not concern the device. False when the
    // connection is over.
    bool pass_to_libfuse(std::span<std::byte> request);
    // Whether the handshake, the kernel's first request, has been answered.
    [[nodiscard]] bool ready() const { return ready_; }

    // Once the connection is over: did an unmount end it? Otherwise it was aborted. Always
    // false for CUSE. Asks no server.
    [[nodiscard]] virtual bool unmounted() const = 0;

    // After the handshake: sets the node's permissions, or puts the file at its path. The
    // last step that needs privileges. Throws CannotServe.
    virtual void publish() = 0;

  protected:
    // Destroyed by the derived class, each in its own way.
    fuse_session* session_ = nullptr;
    bool ready_ = false;
};

// True if this user can open /dev/cuse. The attempt loads the kernel module if there is one.
[[nodiscard]] bool cuse_available();

// Serves /dev/NAME as a character device. Throws CannotServe.
[[nodiscard]] std::unique_ptr<Session> open_cuse(const std::string& name, const Access& access);

// Serves `path` as a FUSE-mounted file. Throws CannotServe and Stopped.
[[nodiscard]] std::unique_ptr<Session> open_fuse(const std::filesystem::path& path,
                                                 const Access& access);

} // namespace ipcdev
