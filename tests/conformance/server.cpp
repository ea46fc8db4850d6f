// SPDX-License-Identifier: MIT
#include "server.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <sys/mount.h>

#include "options.h"

namespace ipcdev::conformance {
namespace {

// A killed server leaves a dead mount where it served a file.
bool is_mount_point(const std::string& path) {
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream fields(line);
        std::string target;
        fields >> target >> target >> target >> target >> target;
        if (target == path) {
            return true;
        }
    }
    return false;
}

void unmount(const std::string& path) {
    if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) < 0) {
        Program({"fusermount3", "-uqz", path}).process().wait();
    }
}

} // namespace

std::string with_device(std::string command, const std::string& path) {
    constexpr std::string_view place = "{device}";
    const std::string word = shell_quoted(path);
    for (std::size_t at = 0; (at = command.find(place, at)) != std::string::npos;) {
        command.replace(at, place.size(), word);
        at += word.size();
    }
    return command;
}

bool Server::ours() {
    return options().serves();
}

void Server::ensure(const std::string& extra) {
    if (ours() && (process().ended() || extra != extra_)) {
        end(SIGTERM);
        start(extra);
    } else if (!observer_.connected() && !observer_.connect()) {
        throw std::runtime_error("nobody serves " + options().device);
    }
}

void Server::start(const std::string& extra) {
    extra_ = extra;
    // exec, so that the shell becomes the server and signals reach it.
    const std::string command = "exec " + options().serve + " " + extra;
    program_ = Program::shell(with_device(command, options().device), "", SIGTERM);
    for (unsigned attempt = 0; !observer_.connect(); ++attempt) {
        if (process().ended()) {
            throw std::runtime_error("the server ended instead of serving " + options().device +
                                     ": " + errors());
        }
        back_off(attempt);
    }
}

std::optional<int> Server::end(int signal) {
    observer_.disconnect();
    const auto status = process().kill(signal);
    clean_up();
    return status;
}

void Server::kill() {
    if (process().exists()) {
        end(SIGKILL);
    }
}

void Server::clean_up() {
    if (!ours()) {
        return;
    }
    const auto folder = std::filesystem::path(options().device).parent_path();
    std::error_code error;
    const auto path = std::filesystem::canonical(folder.empty() ? "." : folder, error) /
                      std::filesystem::path(options().device).filename();
    if (is_mount_point(path)) {
        unmount(path);
        // What it was mounted on: an empty file, made for it.
        if (std::filesystem::is_regular_file(path, error) &&
            std::filesystem::file_size(path, error) == 0) {
            std::filesystem::remove(path, error);
        }
    }
}

} // namespace ipcdev::conformance
