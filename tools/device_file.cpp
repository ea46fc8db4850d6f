// SPDX-License-Identifier: MIT
#include "device_file.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "failure.h"

namespace ipcdev {

namespace {

std::string count(std::uint32_t number, const std::string& one, const std::string& many) {
    return std::to_string(number) + " " + (number == 1 ? one : many);
}

} // namespace

DeviceFile::DeviceFile(std::string path, Access access)
    : path_(std::move(path)),
      fd_(open(path_.c_str(), (access == Access::read ? O_RDONLY : O_WRONLY) | O_NONBLOCK |
                                  O_NOCTTY | O_CLOEXEC)) {
    if (fd_ == -1) {
        throw cannot_open(path_, errno);
    }
}

DeviceFile::~DeviceFile() {
    close(fd_);
}

template <typename... Argument>
int DeviceFile::control(unsigned long request, Argument*... argument) const {
    return ioctl(fd_, request, argument...) == -1 ? errno : 0;
}

template <typename Struct>
void DeviceFile::ask(unsigned long request, Struct& in_out, const char* what) const {
    in_out.size = sizeof(in_out);
    if (const int error = control(request, &in_out)) {
        throw cannot_do(what, path_, error);
    }
    if (in_out.size != sizeof(in_out)) {
        throw false_answer(path_);
    }
}

ipcdev_info DeviceFile::info() const {
    constexpr const char* what = "read the settings";
    ipcdev_info info{};
    ask(IPCDEV_IOC_INFO, info, what);
    if (info.abi_version != IPCDEV_ABI_VERSION) {
        throw cannot_do(what, path_, EINVAL);
    }
    return info;
}

ipcdev_stats DeviceFile::stats() const {
    ipcdev_stats stats{};
    ask(IPCDEV_IOC_STATS, stats, "read the counters");
    return stats;
}

std::vector<ipcdev_waiter> DeviceFile::waiters() const {
    std::vector<ipcdev_waiter> all;
    for (;;) {
        ipcdev_waiters some{};
        some.first = static_cast<__u32>(all.size());
        ask(IPCDEV_IOC_WAITERS, some, "list the parked calls");
        if (some.first != all.size() || some.total > IPCDEV_PARKED_MAX ||
            some.count > IPCDEV_WAITERS_PER_CALL || some.count > some.total) {
            throw false_answer(path_);
        }
        all.insert(all.end(), std::begin(some.waiters), std::begin(some.waiters) + some.count);
        if (some.count == 0 || all.size() >= some.total) {
            return all;
        }
    }
}

void DeviceFile::configure(ipcdev_configure change) const {
    change.size = sizeof(change);
    switch (const int error = control(IPCDEV_IOC_CONFIGURE, &change)) {
    case 0:
        return;
    case EPERM:
        throw Failure("you may not configure " + path_ +
                      ": only root and the user who serves it may");
    case EBUSY:
        throw Failure(path_ + " is in use: " + why_busy());
    case EINVAL:
        throw Failure(path_ + " does not take these settings: " + why_invalid(change));
    default:
        throw cannot_do("change the settings", path_, error);
    }
}

void DeviceFile::clear() const {
    if (const int error = control(IPCDEV_IOC_CLEAR)) {
        throw cannot_do("clear the queue", path_, error);
    }
}

// The obstacle may be gone by the time the device is asked about it.
std::string DeviceFile::why_busy() const {
    const ipcdev_info now = info();
    std::string reasons;
    const auto add = [&](std::uint32_t number, const char* one, const char* many,
                         const char* cure) {
        if (number != 0) {
            reasons += (reasons.empty() ? "" : "; ") + count(number, one, many) + " (" + cure + ")";
        }
    };
    add(now.queued_messages, "message is queued", "messages are queued",
        "'ipcdevctl clear' drops them");
    add(now.begun_messages, "message is begun", "messages are begun",
        "wait until it is read, or its reader closes the device");
    add(now.parked_readers, "reader is parked", "readers are parked",
        "'ipcdevctl waiters' lists them");
    add(now.parked_writers, "writer is parked", "writers are parked",
        "'ipcdevctl waiters' lists them");
    return reasons.empty() ? "a call was under way. Try again" : reasons;
}

std::string DeviceFile::why_invalid(const ipcdev_configure& change) const {
    const ipcdev_info now = info();
    const __u32 mode = change.mode != 0 ? change.mode : now.mode;
    if (mode == IPCDEV_MODE_SLOT && change.depth > 1) {
        return "a slot holds one message. Leave out --depth, or use --mode ring or fifo";
    }
    if (mode != IPCDEV_MODE_SLOT && now.mode == IPCDEV_MODE_SLOT && change.depth == 0) {
        return "a slot has no depth that another mode could keep. Give --depth";
    }
    return "--depth times --max-message may be at most " + std::to_string(IPCDEV_QUEUE_BYTES_MAX) +
           " bytes (256 MiB)";
}

} // namespace ipcdev
