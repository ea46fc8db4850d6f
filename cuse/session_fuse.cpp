// SPDX-License-Identifier: MIT
//
// A regular file that behaves as the device, by FUSE: the mount's root is the file itself, or
// a folder that contains only the file. Everything that makes the kernel treat it as a stream
// rather than as a file on disk is in this source file.
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "loop.h"
#include "mount_point.h"
#include "pages.h"
#include "request_timeout.h"
#include "session.h"
#include "uapi/ipcdev.h"

namespace ipcdev {

namespace {

// How the kernel shall treat an open.
//   DIRECT_IO               every read and write comes here, and is not cached
//   STREAM                  no file position: its lock would make a write wait
//                           for a parked read on the same open
//   PARALLEL_DIRECT_WRITES  no exclusive inode lock: it would make every other
//                           writer wait for a parked one, non-blocking ones too
//   NOFLUSH                 close does not write back, which takes that lock
constexpr std::uint32_t stream_flags =
    FOPEN_DIRECT_IO | FOPEN_STREAM | FOPEN_PARALLEL_DIRECT_WRITES | FOPEN_NOFLUSH;

// The constant size that the file shows. Large, because the kernel takes the inode's
// lock for a write beyond the size; below 2 GiB, so that 32-bit programs can open the file.
constexpr off_t reported_file_bytes = off_t{1} << 30;

// FUSE 7.38: Linux 6.2, and Debian's 6.1.
constexpr unsigned parallel_writes_minor = 38;

// Not cached: an O_APPEND write changes the kernel's idea of the size, and the next open
// has to ask for it again.
constexpr double attributes_valid_seconds = 0;

// Cached for ever: the name is always the device's.
constexpr double name_valid_seconds = 1e9;

// The device's, if the mount's root is a folder.
constexpr fuse_ino_t inode_in_folder = FUSE_ROOT_ID + 1;

class FuseSession final : public Session {
  public:
    FuseSession(const std::filesystem::path& path, const Access& access);
    FuseSession(SessionState& state, const Inheritance& inheritance);
    ~FuseSession() override;

    [[nodiscard]] std::uint32_t server() const override { return IPCDEV_SERVER_FUSE; }
    [[nodiscard]] std::uint32_t capabilities() const override { return 0; }
    [[nodiscard]] Splitting splitting() const override {
        return {.segments = segments_, .offsets_count = false};
    }
    [[nodiscard]] const std::filesystem::path& path() const override { return place_->path(); }

    [[nodiscard]] std::uint32_t open_flags() const override { return stream_flags; }
    [[nodiscard]] bool unmounted() const override;
    void publish() override { place_->publish(); } // it has its permissions from the start
    void bequeath(Inheritance& inheritance) const override {
        Session::bequeath(inheritance);
        place_->bequeath(inheritance);
    }

  private:
    static FuseSession& self(fuse_req_t request) {
        return *static_cast<FuseSession*>(fuse_req_userdata(request));
    }
    static fuse_lowlevel_ops callbacks();
    void begin();
    void use(int connection);
    void lengthen_timeouts();
    static void init(void* userdata, fuse_conn_info* connection);
    void lookup(fuse_req_t request, const char* name) const;
    void list_folder(fuse_req_t request, std::size_t most_bytes, off_t from) const;
    void getattr(fuse_req_t request, fuse_ino_t inode) const;
    void setattr(fuse_req_t request, const struct stat& wanted, int which);

    const std::unique_ptr<MountPoint> place_;
    const std::string name_in_folder_; // empty: the device is the root
    // As many pages as max_write_bytes has: libfuse asks for that, and the kernel grants it.
    const std::uint32_t segments_ =
        static_cast<std::uint32_t>(max_write_bytes / static_cast<std::size_t>(getpagesize()));
    const RequestTimeouts timeouts_ = RequestTimeouts::of_this_kernel();
    bool shaking_hands_ = true; // libfuse has written nothing yet
    struct stat& attributes_ = state().device;
    struct stat& folder_ = state().folder;
};

FuseSession::FuseSession(const std::filesystem::path& path, const Access& access)
    : place_(MountPoint::claim(path)), name_in_folder_(place_->name_in_mount()) {
    attributes_.st_ino = name_in_folder_.empty() ? FUSE_ROOT_ID : inode_in_folder;
    attributes_.st_mode = S_IFREG | access.permissions;
    attributes_.st_nlink = 1;
    attributes_.st_uid = access.owner.value_or(geteuid());
    attributes_.st_gid = access.group.value_or(getegid());
    attributes_.st_size = reported_file_bytes;
    clock_gettime(CLOCK_REALTIME, &attributes_.st_mtim);
    attributes_.st_atim = attributes_.st_ctim = attributes_.st_mtim;
    folder_ = attributes_;
    folder_.st_ino = FUSE_ROOT_ID;
    folder_.st_mode = S_IFDIR | S_IRUSR | S_IXUSR;
    folder_.st_nlink = 2;
    folder_.st_size = 0;

    begin();
    try {
        use(place_->connect().release());
    } catch (...) {
        fuse_session_destroy(session_);
        place_->remove();
        throw;
    }
    state().server = IPCDEV_SERVER_FUSE;
    keep_path(place_->path());
    state().by_root = geteuid() == 0;
    state().mount_id = place_->mount_id();
    lengthen_timeouts();
}

FuseSession::FuseSession(SessionState& state, const Inheritance& inheritance)
    : Session(state),
      place_(MountPoint::resume(state.path.data(), state.by_root, state.mount_id, inheritance)),
      name_in_folder_(place_->name_in_mount()) {
    begin();
    use(inheritance.connection);
    repeat_handshake();
}

void FuseSession::begin() {
    std::array<char, 9> program{"ipcdevd"};
    std::array<char*, 1> arguments{program.data()};
    fuse_args args FUSE_ARGS_INIT(arguments.size(), arguments.data());
    const fuse_lowlevel_ops ops = callbacks();
    session_ = fuse_session_new(&args, &ops, sizeof(ops), this);
    fuse_opt_free_args(&args);
    if (session_ == nullptr) {
        throw CannotServe("libfuse could not set up a session; --log-level debug may say why");
    }
}

// By this name libfuse uses a descriptor that is already open, and closes it.
void FuseSession::use(int connection) {
    fuse_session_mount(session_, ("/dev/fd/" + std::to_string(connection)).c_str());
}

// Pollers and parked calls end when libfuse closes the descriptor. The unmount after that
// is lazy, so that no open can delay it.
FuseSession::~FuseSession() {
    fuse_session_destroy(session_);
    place_->remove();
}

// `umount -f` ends the connection first, and unmounts a moment later.
bool FuseSession::unmounted() const {
    using namespace std::chrono;
    const auto until = steady_clock::now() + seconds(1);
    pollfd mounts{.fd = ::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC),
                  .events = POLLPRI, // when they change
                  .revents = 0};
    bool there = place_->is_mounted();
    for (auto left = 1ms; there && left > 0ms;) {
        left = duration_cast<milliseconds>(until - steady_clock::now());
        poll(&mounts, 1, std::max(0, static_cast<int>(left.count())));
        there = place_->is_mounted();
    }
    ::close(mounts.fd);
    return !there;
}

fuse_lowlevel_ops FuseSession::callbacks() {
    fuse_lowlevel_ops ops{}; // the device's calls are the Loop's
    ops.init = init;
    ops.lookup = [](fuse_req_t request, fuse_ino_t, const char* name) {
        self(request).lookup(request, name);
    };
    ops.readdir = [](fuse_req_t request, fuse_ino_t, std::size_t most_bytes, off_t from,
                     fuse_file_info*) { self(request).list_folder(request, most_bytes, from); };
    ops.getattr = [](fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
        self(request).getattr(request, inode);
    };
    ops.setattr = [](fuse_req_t request, fuse_ino_t inode, struct stat* wanted, int which,
                     fuse_file_info*) {
        if (self(request).attributes_.st_ino != inode) {
            fuse_reply_err(request, EPERM);
            return;
        }
        self(request).setattr(request, *wanted, which);
    };
    ops.fsync = [](fuse_req_t request, fuse_ino_t, int, fuse_file_info*) {
        fuse_reply_err(request, EINVAL);
    };
    return ops;
}

// Adds what libfuse can't to the answer to the handshake, the first thing that libfuse
// writes. Since 3.13 libfuse can be made to write through a function of ours.
void FuseSession::lengthen_timeouts() {
    if (const auto warning = timeouts_.warning(place_->path())) {
        spdlog::warn("{}", *warning);
    }
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 13)
    if (timeouts_.to_ask_for() == 0) {
        return;
    }
    fuse_custom_io io{};
    io.read = [](int fd, void* buffer, std::size_t bytes, void*) {
        return ::read(fd, buffer, bytes);
    };
    io.writev = [](int fd, iovec* answer, int parts, void* userdata) {
        auto& self = *static_cast<FuseSession*>(userdata);
        if (std::exchange(self.shaking_hands_, false)) {
            ask_for_timeout(answer, parts, self.timeouts_.to_ask_for());
        }
        return ::writev(fd, answer, parts);
    };
    fuse_session_custom_io(session_, &io, fuse_session_fd(session_));
#endif
}

void FuseSession::init(void* userdata, fuse_conn_info* connection) {
    auto& self = *static_cast<FuseSession*>(userdata);
    self.ready_ = true;
    if (!self.is_resumed() && connection->proto_major == 7 &&
        connection->proto_minor < parallel_writes_minor) {
        spdlog::warn("this kernel is too old (FUSE {}.{}, 7.{} is needed): a blocked writer "
                     "blocks all others. CUSE has no such limit",
                     connection->proto_major, connection->proto_minor, parallel_writes_minor);
    }
    connection->max_write = max_write_bytes;
    // With ATOMIC_O_TRUNC an O_TRUNC open sets the kernel's idea of the size to 0, and the
    // next parked writer, being beyond it, takes the inode lock. Without it the truncation
    // comes as a setattr, which answers with the full size.
    // With ASYNC_DIO a killed AIO reader of an empty device would hang.
    // For messages of this size splicing costs more than it saves.
    connection->want &=
        ~static_cast<unsigned>(FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_ASYNC_DIO | FUSE_CAP_SPLICE_READ |
                               FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

void FuseSession::lookup(fuse_req_t request, const char* name) const {
    if (name_in_folder_ != name) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    fuse_entry_param entry{};
    entry.ino = attributes_.st_ino;
    entry.attr = attributes_;
    entry.attr_timeout = attributes_valid_seconds;
    entry.entry_timeout = name_valid_seconds;
    fuse_reply_entry(request, &entry);
}

void FuseSession::list_folder(fuse_req_t request, std::size_t most_bytes, off_t from) const {
    const std::array<std::pair<const char*, const struct stat*>, 3> entries{
        {{".", &folder_}, {"..", &folder_}, {name_in_folder_.c_str(), &attributes_}}};
    std::vector<char> bytes(std::min(most_bytes, max_write_bytes));
    std::size_t used = 0;
    for (auto index = static_cast<std::size_t>(from); index < entries.size(); ++index) {
        const auto [name, status] = entries[index];
        const auto next = static_cast<off_t>(index + 1);
        const std::size_t needed = fuse_add_direntry(request, bytes.data() + used,
                                                     bytes.size() - used, name, status, next);
        if (needed > bytes.size() - used) {
            break;
        }
        used += needed;
    }
    fuse_reply_buf(request, bytes.data(), used);
}

void FuseSession::getattr(fuse_req_t request, fuse_ino_t inode) const {
    const bool is_device = inode == attributes_.st_ino;
    fuse_reply_attr(request, is_device ? &attributes_ : &folder_,
                    is_device ? attributes_valid_seconds : name_valid_seconds);
}

// The kernel has checked the caller's permission. The size does not change: there is nothing
// to truncate.
void FuseSession::setattr(fuse_req_t request, const struct stat& wanted, int which) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    if ((which & FUSE_SET_ATTR_MODE) != 0) {
        attributes_.st_mode = S_IFREG | (wanted.st_mode & 07777U);
    }
    if ((which & FUSE_SET_ATTR_UID) != 0) {
        attributes_.st_uid = wanted.st_uid;
    }
    if ((which & FUSE_SET_ATTR_GID) != 0) {
        attributes_.st_gid = wanted.st_gid;
    }
    if ((which & FUSE_SET_ATTR_ATIME) != 0) {
        attributes_.st_atim = (which & FUSE_SET_ATTR_ATIME_NOW) != 0 ? now : wanted.st_atim;
    }
    if ((which & FUSE_SET_ATTR_MTIME) != 0) {
        attributes_.st_mtim = (which & FUSE_SET_ATTR_MTIME_NOW) != 0 ? now : wanted.st_mtim;
    }
    attributes_.st_ctim = now;
    getattr(request, attributes_.st_ino);
}

} // namespace

std::unique_ptr<Session> open_fuse(const std::filesystem::path& path, const Access& access) {
    return std::make_unique<FuseSession>(path, access);
}

std::unique_ptr<Session> resume_fuse(SessionState& state, const Inheritance& inheritance) {
    return std::make_unique<FuseSession>(state, inheritance);
}

} // namespace ipcdev
