// SPDX-License-Identifier: MIT
//
// A connection with the kernel, by CUSE or as a FUSE file. It states where the two differ;
// nothing outside session_*.cpp knows which one runs.
#pragma once

#include <fuse_lowlevel.h>

#include <array>
#include <climits>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include <sys/stat.h>
#include <sys/types.h>

#include "inheritance.h"
#include "pages.h"

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

// What a program has to know of a session to go on with it. It outlives the process. A change
// that is cut short is made anew, as a whole.
struct SessionState {
    std::uint32_t server; // IPCDEV_SERVER_*
    std::array<char, PATH_MAX> path;
    // The kernel's first request: what it can do.
    std::uint32_t handshake_bytes;
    std::array<std::byte, 1024> handshake;
    // Of a FUSE file only:
    bool by_root; // who mounted it
    int mount_id;
    struct stat device; // its attributes, as clients may have changed them
    struct stat folder; // those of the mount's root, if that is a folder
};

class Session {
  public:
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
    // Has libfuse answer a request that does not concern the device. The first one is the
    // handshake, and is kept. False when the connection is over.
    bool pass_to_libfuse(std::span<std::byte> request);
    // Whether the handshake, the kernel's first request, has been answered.
    [[nodiscard]] bool ready() const { return ready_; }

    // Once the connection is over: did an unmount end it? Otherwise it was aborted. Always
    // false for CUSE. Asks no server.
    [[nodiscard]] virtual bool unmounted() const = 0;

    // After the handshake: sets the node's permissions, or puts the file at its path. The
    // last step that needs privileges. Throws CannotServe.
    virtual void publish() = 0;

    // Adds what another program needs to go on with it.
    virtual void bequeath(Inheritance& inheritance) const { inheritance.connection = connection(); }

  protected:
    // Of a new one. Throws std::bad_alloc.
    Session() : state_(*new (kept_.begin()) SessionState()) {}
    // Goes on with that one.
    explicit Session(SessionState& state) : state_(state), is_resumed_(true) {}

    [[nodiscard]] bool is_resumed() const { return is_resumed_; }
    [[nodiscard]] SessionState& state() { return state_; }
    [[nodiscard]] const SessionState& state() const { return state_; }
    void keep_path(const std::filesystem::path& path);
    // Has libfuse learn once more what the kernel can do. The kernel has its answer already, and
    // takes no second one.
    void repeat_handshake();

    // Destroyed by the derived class, each in its own way.
    fuse_session* session_ = nullptr;
    bool ready_ = false;

  private:
    void process(std::span<std::byte> request);

    const Pages kept_{sizeof(SessionState), Part::session};
    SessionState& state_;
    const bool is_resumed_ = false;
};

// True if this user can open /dev/cuse. The attempt loads the kernel module if there is one.
[[nodiscard]] bool cuse_available();

// Serves /dev/NAME as a character device. Throws CannotServe.
[[nodiscard]] std::unique_ptr<Session> open_cuse(const std::string& name, const Access& access);

// Serves `path` as a FUSE-mounted file. Throws CannotServe and Stopped.
[[nodiscard]] std::unique_ptr<Session> open_fuse(const std::filesystem::path& path,
                                                 const Access& access);

// Goes on with the session of the program before, which has published it. Throws CannotServe.
[[nodiscard]] std::unique_ptr<Session> resume_session(SessionState& state,
                                                      const Inheritance& inheritance);
// Its parts, in session_cuse.cpp and session_fuse.cpp.
[[nodiscard]] std::unique_ptr<Session> resume_cuse(SessionState& state,
                                                   const Inheritance& inheritance);
[[nodiscard]] std::unique_ptr<Session> resume_fuse(SessionState& state,
                                                   const Inheritance& inheritance);

} // namespace ipcdev
