// SPDX-License-Identifier: MIT
#include "sandbox.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <system_error>

#include "support/errors.h"
#include "support/mounts.h"
#include "support/process.h"

namespace ipcdev::daemon_tests {

using namespace test;

namespace {

std::filesystem::path scratch_folder;
bool sandboxed = false;

void make_scratch() {
    std::string name = std::filesystem::temp_directory_path() / "ipcdev-daemon-tests-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
        throw_errno(name);
    }
    checked(chmod(name.c_str(), 0755), "chmod");
    scratch_folder = name;
}

Status end_of(pid_t child) {
    int status = 0;
    checked(waitpid(child, &status, 0), "waitpid");
    return status_of(status);
}

// As init: whoever loses its parent comes here.
[[noreturn]] void reap_until_end_of(pid_t tests) {
    for (;;) {
        int status = 0;
        const pid_t ended = wait(&status);
        if (ended == tests) {
            _exit(status_of(status));
        }
        if (ended == -1 && errno == ECHILD) {
            _exit(1);
        }
    }
}

// On a distribution udev makes it so: an ordinary user may serve.
void let_everyone_use_fuse() {
    struct stat fuse {};
    if (stat("/dev/fuse", &fuse) == -1 || (fuse.st_mode & 0777U) == 0666) {
        return;
    }
    const auto node = scratch_folder / "fuse";
    checked(mknod(node.c_str(), S_IFCHR | 0666, fuse.st_rdev), "mknod");
    checked(chmod(node.c_str(), 0666), "chmod");
    checked(mount(node.c_str(), "/dev/fuse", nullptr, MS_BIND, nullptr), "bind /dev/fuse");
}

void furnish() {
    checked(mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr), "mount --make-rslave /");
    for (const Mount& mounted : mounts()) {
        if (mounted.type == "fuse.ipcdevd") { // somebody's; our copy must not keep it alive
            umount2(mounted.path.c_str(), MNT_DETACH);
        }
    }
    checked(mount("proc", "/proc", "proc", 0, nullptr), "mount /proc");
    checked(mount("scratch", scratch_folder.c_str(), "tmpfs", 0, "mode=0755"), "mount a tmpfs");
    let_everyone_use_fuse();
    sandboxed = true;
}

// A fork in namespaces of its own; -1 if that is not allowed. unshare(2) would do
// for it, but leave this process unable to fork once that one has ended, and
// LeakSanitizer forks at the end.
pid_t fork_into_namespaces() {
    return static_cast<pid_t>(syscall(SYS_clone, CLONE_NEWNS | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
}

[[noreturn]] void be_init(const std::function<int()>& tests) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (const pid_t child = fork(); child != 0) {
        reap_until_end_of(child);
    }
    try {
        furnish();
        std::exit(tests()); // NOLINT(concurrency-mt-unsafe): no thread
    } catch (const std::exception& error) {
        (void)std::fprintf(stderr, "ipcdev-daemon-tests: %s\n", error.what());
        _exit(1);
    }
}

} // namespace

int run_in_sandbox(const std::function<int()>& tests) {
    make_scratch();
    const pid_t init = geteuid() == 0 ? fork_into_namespaces() : -1;
    if (init == 0) {
        be_init(tests);
    }
    const int result = init == -1 ? tests() : end_of(init);
    std::error_code ignored;
    std::filesystem::remove_all(scratch_folder, ignored);
    return result;
}

const std::filesystem::path& scratch() {
    return scratch_folder;
}

bool in_sandbox() {
    return sandboxed;
}

} // namespace ipcdev::daemon_tests
