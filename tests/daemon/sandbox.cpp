// SPDX-License-Identifier: MIT
#include "sandbox.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

#include "mounts.h"

namespace ipcdev::daemon_tests {

namespace {

std::filesystem::path scratch_folder;
bool sandboxed = false;

void check(int result, const char* what) {
    if (result == -1) {
        throw std::system_error(errno, std::generic_category(), what);
    }
}

void make_scratch() {
    std::string name = std::filesystem::temp_directory_path() / "ipcdev-daemon-tests-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
        throw std::system_error(errno, std::generic_category(), name);
    }
    check(chmod(name.c_str(), 0755), "chmod");
    scratch_folder = name;
}

int status_of(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
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
    check(mknod(node.c_str(), S_IFCHR | 0666, fuse.st_rdev), "mknod");
    check(chmod(node.c_str(), 0666), "chmod");
    check(mount(node.c_str(), "/dev/fuse", nullptr, MS_BIND, nullptr), "bind /dev/fuse");
}

void furnish() {
    check(mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr), "mount --make-rslave /");
    for (const Mount& mounted : mounts()) {
        if (mounted.type == "fuse.ipcdevd") { // somebody's; our copy must not keep it alive
            umount2(mounted.path.c_str(), MNT_DETACH);
        }
    }
    check(mount("proc", "/proc", "proc", 0, nullptr), "mount /proc");
    check(mount("scratch", scratch_folder.c_str(), "tmpfs", 0, "mode=0755"), "mount a tmpfs");
    let_everyone_use_fuse();
    sandboxed = true;
}

int tests_in_namespaces(const std::function<int()>& tests) {
    const pid_t init = fork();
    check(init, "fork");
    if (init != 0) {
        int status = 0;
        check(waitpid(init, &status, 0), "waitpid");
        return status_of(status);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const pid_t child = fork();
    if (child != 0) {
        reap_until_end_of(child);
    }
    try {
        furnish();
        const int result = tests();
        (void)std::fflush(nullptr);
        _exit(result);
    } catch (const std::exception& error) {
        (void)std::fprintf(stderr, "ipcdev-daemon-tests: %s\n", error.what());
        _exit(1);
    }
}

} // namespace

int run_in_sandbox(const std::function<int()>& tests) {
    make_scratch();
    const bool own = geteuid() == 0 && unshare(CLONE_NEWNS | CLONE_NEWPID) == 0;
    const int result = own ? tests_in_namespaces(tests) : tests();
    if (own) {
        umount2(scratch_folder.c_str(), MNT_DETACH); // it is mounted in this namespace too
    }
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
