// SPDX-License-Identifier: MIT
//
// /dev/NAME as a character device, by CUSE. One session serves one device; the
// node appears with the handshake and vanishes with the connection.
#include <cuse_lowlevel.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <spdlog/spdlog.h>

#include "loop.h"
#include "occupant.h"
#include "session.h"
#include "uapi/ipcdev.h"

namespace ipcdev {

namespace {

constexpr const char* cuse_device = "/dev/cuse";

[[noreturn]] void refuse_cuse(int error) {
    const std::string reason = std::string(cuse_device) + ": " + std::strerror(error) + ". ";
    switch (error) {
    case EACCES:
    case EPERM:
        throw CannotServe(reason + "Run as root, give your user access to it by a udev rule, or "
                                   "use --transport fuse");
    default:
        throw CannotServe(reason + "This kernel has no CUSE: try 'modprobe cuse' as root, or use "
                                   "--transport fuse");
    }
}

class CuseSession final : public Session {
  public:
    CuseSession(const std::string& name, const Access& access);
    CuseSession(SessionState& state, const Inheritance& inheritance);
    ~CuseSession() override { fuse_session_destroy(session_); }

    [[nodiscard]] std::uint32_t server() const override { return IPCDEV_SERVER_CUSE; }
    [[nodiscard]] std::uint32_t capabilities() const override { return IPCDEV_CAP_CHARDEV; }
    [[nodiscard]] Splitting splitting() const override {
        return {.segments = 32, .offsets_count = true};
    }
    [[nodiscard]] const std::filesystem::path& path() const override { return path_; }

    [[nodiscard]] std::uint32_t open_flags() const override { return 0; }
    [[nodiscard]] bool unmounted() const override { return false; }
    void publish() override;

  private:
    static cuse_lowlevel_ops callbacks();
    void use(int connection);

    const std::filesystem::path path_;
    const Access access_{}; // for publish()
};

CuseSession::CuseSession(const std::string& name, const Access& access)
    : path_("/dev/" + name), access_(access) {
    refuse_if_occupied(Folder(path_));
    const int fd = ::open(cuse_device, O_RDWR | O_CLOEXEC);
    if (fd == -1) {
        refuse_cuse(errno);
    }
    state().server = IPCDEV_SERVER_CUSE;
    keep_path(path_);
    use(fd);
}

CuseSession::CuseSession(SessionState& state, const Inheritance& inheritance)
    : Session(state), path_(state.path.data()) {
    use(inheritance.connection);
    repeat_handshake();
}

// Takes over the descriptor.
void CuseSession::use(int connection) {
    const std::string device_name = "DEVNAME=" + path_.filename().string();
    std::array<const char*, 1> device_info{device_name.c_str()};
    const cuse_info info{.dev_major = 0, // the kernel chooses
                         .dev_minor = 0,
                         .dev_info_argc = device_info.size(),
                         .dev_info_argv = device_info.data(),
                         .flags = 0}; // restricted ioctls
    const cuse_lowlevel_ops ops = callbacks();
    std::array<char, 9> program{"ipcdevd"};
    std::array<char*, 1> arguments{program.data()};
    fuse_args args FUSE_ARGS_INIT(arguments.size(), arguments.data());

    session_ = cuse_lowlevel_new(&args, &info, &ops, this);
    fuse_opt_free_args(&args);
    if (session_ == nullptr) {
        ::close(connection);
        throw CannotServe("libfuse could not set up CUSE; --log-level debug may say why");
    }
    // By this name libfuse uses a descriptor that is already open.
    fuse_session_mount(session_, ("/dev/fd/" + std::to_string(connection)).c_str());
}

cuse_lowlevel_ops CuseSession::callbacks() {
    cuse_lowlevel_ops ops{}; // the device's calls are the Loop's
    ops.init = [](void*, fuse_conn_info* connection) { connection->max_write = max_write_bytes; };
    ops.init_done = [](void* userdata) { static_cast<CuseSession*>(userdata)->ready_ = true; };
    return ops;
}

// devtmpfs made the node, owned by root and with mode 0600, before the handshake returned.
// But if another server got the name first, the kernel has ended this connection, and the
// node is the other server's.
void CuseSession::publish() {
    pollfd connection{.fd = fuse_session_fd(session_), .events = 0, .revents = 0};
    if (poll(&connection, 1, 0) == 1 && (connection.revents & POLLERR) != 0) {
        throw CannotServe(path_.string() +
                          " is being served by another ipcdevd that started at the same time");
    }
    struct stat node {};
    if (lstat(path_.c_str(), &node) == -1 || !S_ISCHR(node.st_mode)) {
        throw CannotServe("the kernel made no character device " + path_.string() +
                          ": the name may be taken (see /sys/class/cuse), or /dev is no devtmpfs; "
                          "try another --name, or --transport fuse");
    }
    const uid_t owner = access_.owner.value_or(geteuid());
    const gid_t group = access_.group.value_or(getegid());
    if ((node.st_uid != owner || node.st_gid != group) &&
        lchown(path_.c_str(), owner, group) == -1) {
        spdlog::warn("{} stays with user {} and group {}: {}. A udev rule on SUBSYSTEM==\"cuse\" "
                     "can set them",
                     path_.string(), node.st_uid, node.st_gid, std::strerror(errno));
        return;
    }
    if ((node.st_mode & 07777U) != access_.permissions &&
        chmod(path_.c_str(), access_.permissions) == -1) {
        spdlog::warn("{} keeps permissions {:04o}: {}", path_.string(), node.st_mode & 07777U,
                     std::strerror(errno));
    }
}

} // namespace

bool cuse_available() {
    const int fd = ::open(cuse_device, O_RDWR | O_CLOEXEC);
    if (fd == -1) {
        return false;
    }
    ::close(fd);
    return true;
}

std::unique_ptr<Session> open_cuse(const std::string& name, const Access& access) {
    return std::make_unique<CuseSession>(name, access);
}

std::unique_ptr<Session> resume_cuse(SessionState& state, const Inheritance& inheritance) {
    return std::make_unique<CuseSession>(state, inheritance);
}

} // namespace ipcdev
