// SPDX-License-Identifier: MIT
#include "device_calls.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "support/errors.h"
#include "support/waiting.h"

namespace ipcdev::daemon_tests {

namespace {

// The struct of one of the device's questions, answered.
template <class Struct>
Struct ask(const Descriptor& device, unsigned long number, const char* what) {
    Struct out{};
    out.size = sizeof(out);
    checked(ioctl(device.get(), number, &out), what);
    return out;
}

} // namespace

Descriptor open_device(const std::filesystem::path& path, int flags) {
    Descriptor device(open(path.c_str(), flags | O_CLOEXEC));
    if (!device.is_open()) {
        throw_errno("open " + path.string());
    }
    return device;
}

ipcdev_info info(const Descriptor& device) {
    return ask<ipcdev_info>(device, IPCDEV_IOC_INFO, "IPCDEV_IOC_INFO");
}

ipcdev_stats stats(const Descriptor& device) {
    return ask<ipcdev_stats>(device, IPCDEV_IOC_STATS, "IPCDEV_IOC_STATS");
}

int configure(const Descriptor& device, const ipcdev_configure& wanted) {
    return ioctl(device.get(), IPCDEV_IOC_CONFIGURE, &wanted) == 0 ? 0 : errno;
}

int write_all(const Descriptor& device, std::string_view message) {
    const ssize_t written = write(device.get(), message.data(), message.size());
    if (written == -1) {
        return errno;
    }
    return written == static_cast<ssize_t>(message.size()) ? 0 : EMSGSIZE;
}

std::string read_some(const Descriptor& device, std::size_t count) {
    std::string text(count, '\0');
    const ssize_t got = checked(read(device.get(), text.data(), count), "read");
    text.resize(static_cast<std::size_t>(got));
    return text;
}

int try_open(const std::filesystem::path& path, int flags) {
    const Descriptor device(open(path.c_str(), flags | O_CLOEXEC));
    return device.is_open() ? 0 : errno;
}

Process reader(const std::filesystem::path& path) {
    return Process([=] {
        const Descriptor device(open(path.c_str(), O_RDONLY | O_CLOEXEC));
        char byte = 0;
        return device.is_open() && read(device.get(), &byte, 1) == 1 ? 0 : errno;
    });
}

Process writer(const std::filesystem::path& path, const std::string& message) {
    return Process([=] {
        const Descriptor device(open(path.c_str(), O_WRONLY | O_CLOEXEC));
        return device.is_open() ? write_all(device, message) : errno;
    });
}

void wait_for_parked_readers(const Descriptor& device, unsigned readers) {
    wait_until([&] { return info(device).parked_readers == readers; });
}

void wait_for_parked_writers(const Descriptor& device, unsigned writers) {
    wait_until([&] { return info(device).parked_writers == writers; });
}

bool passes_messages(const std::filesystem::path& path) {
    const Descriptor device = open_device(path);
    return write_all(device, "hello") == 0 && read_some(device) == "hello";
}

} // namespace ipcdev::daemon_tests
