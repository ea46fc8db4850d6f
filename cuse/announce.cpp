// SPDX-License-Identifier: MIT
#include "announce.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

#include "session.h"

namespace ipcdev {

namespace {

// Exits with 0 when the child sends the byte that means ready, with 1 when the pipe closes
// without it.
[[noreturn]] void wait_for_child(int pipe_end) {
    char ready = 0;
    ssize_t got = 0;
    do {
        got = read(pipe_end, &ready, 1);
    } while (got == -1 && errno == EINTR);
    _exit(got == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

void leave_terminal() {
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null == -1) {
        return;
    }
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        dup2(null, fd);
    }
    close(null);
}

void log_to_syslog() {
    auto logger = spdlog::syslog_logger_mt("syslog", "ipcdevd", LOG_PID, LOG_DAEMON);
    logger->set_level(spdlog::get_level());
    spdlog::set_default_logger(logger);
}

} // namespace

Announcer::~Announcer() {
    if (parent_ != -1) {
        close(parent_);
    }
}

void Announcer::go_to_background() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) == -1) {
        throw CannotServe(std::string("can't go to the background: ") + std::strerror(errno));
    }
    const pid_t child = fork();
    if (child == -1) {
        throw CannotServe(std::string("can't go to the background: ") + std::strerror(errno));
    }
    if (child != 0) {
        close(ends[1]);
        wait_for_child(ends[0]);
    }
    close(ends[0]);
    parent_ = ends[1];
    setsid();
}

void Announcer::ready(const std::string& path, const std::string& how) {
    spdlog::info("ready: {} {}", path, how);
    was_ready_ = true;
    sd_notifyf(0, "READY=1\nSTATUS=%s %s", path.c_str(), how.c_str());
    if (parent_ == -1) {
        return;
    }
    if (chdir("/") == -1) {
        spdlog::debug("chdir /: {}", std::strerror(errno));
    }
    leave_terminal();
    log_to_syslog();
    const char byte = 1;
    if (write(parent_, &byte, 1) != 1) {
        spdlog::debug("nobody waits for this daemon to be ready");
    }
    close(parent_);
    parent_ = -1;
}

void Announcer::resumed(const std::string& path, bool in_background) {
    if (in_background) {
        log_to_syslog();
    }
    spdlog::info("goes on with {}, as ipcdevd " IPCDEV_VERSION, path);
    was_ready_ = true;
    reloaded();
}

// The time tells systemd for which of several requests it is (sd_notify(3)).
void Announcer::reloading() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
               (static_cast<long long>(now.tv_sec) * 1'000'000) + (now.tv_nsec / 1000));
}

void Announcer::reloaded() {
    sd_notify(0, "READY=1");
}

void Announcer::stopping() const {
    if (was_ready_) {
        sd_notify(0, "STOPPING=1");
    }
}

} // namespace ipcdev
