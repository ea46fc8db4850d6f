// SPDX-License-Identifier: MIT
#include "support/freezer.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <sstream>

#include "support/errors.h"
#include "support/waiting.h"

namespace ipcdev::test {

namespace {

// By number: not in every C library yet. Version 1 has a hierarchy for each controller.
Descriptor mounted_nowhere(Freezer::Version version) {
    const bool one = version == Freezer::Version::one;
    const Descriptor context(static_cast<int>(
        checked(syscall(SYS_fsopen, one ? "cgroup" : "cgroup2", FSOPEN_CLOEXEC), "fsopen")));
    if (one) {
        checked(syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_FLAG, "freezer", nullptr, 0),
                "fsconfig");
    }
    checked(syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0),
            "fsconfig");
    return Descriptor(static_cast<int>(
        checked(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0), "fsmount")));
}

void write_line(int folder, const std::string& file, const std::string& line) {
    const Descriptor fd(checked(openat(folder, file.c_str(), O_WRONLY | O_CLOEXEC), file.c_str()));
    checked(write(fd.get(), line.data(), line.size()), file.c_str());
}

} // namespace

Freezer::Freezer(Version version)
    : version_(version), root_(mounted_nowhere(version)),
      name_("ipcdev-test-" + std::to_string(getpid())) {
    checked(mkdirat(root_.get(), name_.c_str(), 0700), "a control group");
}

Freezer::~Freezer() {
    try {
        thaw();
        std::istringstream processes(contents("cgroup.procs"));
        for (std::string process; processes >> process;) {
            write_line(root_.get(), "cgroup.procs", process);
        }
    } catch (const std::exception&) {
        // the watchdog has killed them, or they have ended by themselves
    }
    // A process that was killed stays a member until it is gone.
    for (unsigned attempt = 0; unlinkat(root_.get(), name_.c_str(), AT_REMOVEDIR) == -1 &&
                               errno == EBUSY && attempt < 100;
         ++attempt) {
        back_off(attempt);
    }
}

void Freezer::add(pid_t process) {
    write_line(root_.get(), name_ + "/cgroup.procs", std::to_string(process));
}

void Freezer::freeze() {
    set(true);
    wait_until([&] { return is(true); });
}

void Freezer::thaw() {
    set(false);
    wait_until([&] { return is(false); });
}

void Freezer::set(bool frozen) {
    if (version_ == Version::one) {
        write_line(root_.get(), name_ + "/freezer.state", frozen ? "FROZEN" : "THAWED");
    } else {
        write_line(root_.get(), name_ + "/cgroup.freeze", frozen ? "1" : "0");
    }
}

bool Freezer::is(bool frozen) const {
    if (version_ == Version::one) {
        return contents("freezer.state") == (frozen ? "FROZEN\n" : "THAWED\n");
    }
    const std::string line = frozen ? "frozen 1\n" : "frozen 0\n";
    return contents("cgroup.events").find(line) != std::string::npos;
}

std::string Freezer::contents(const std::string& file) const {
    const std::string path = name_ + "/" + file;
    const Descriptor fd(checked(openat(root_.get(), path.c_str(), O_RDONLY | O_CLOEXEC), "openat"));
    std::array<char, 4096> bytes{};
    const auto n = checked(read(fd.get(), bytes.data(), bytes.size()), "read");
    return {bytes.data(), static_cast<std::size_t>(n)};
}

} // namespace ipcdev::test
