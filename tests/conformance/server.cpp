// SPDX-License-Identifier: MIT
#include "server.h"

#include <csignal>
#include <filesystem>
#include <stdexcept>

#include "options.h"
#include "support/waiting.h"

namespace ipcdev::conformance {

Command serve_command(const std::string& path, const std::string& extra) {
    return test::serve_command(options().serve, path, extra);
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
    start_server(program_, serve_command(options().device, extra),
                 [this] { return observer_.connect(); });
    is_module_ = observer_.info().server == IPCDEV_SERVER_MODULE;
}

std::optional<Status> Server::end(int signal) {
    observer_.disconnect();
    const auto status = process().kill(signal);
    clean_up();
    return status;
}

void Server::kill() {
    if (process().exists()) {
        end(is_module_ ? SIGTERM : SIGKILL);
    }
}

// After one that was killed its unmounter does so. If that was killed too, the next
// server would: here there may be none.
void Server::clean_up() {
    if (!ours()) {
        return;
    }
    const std::filesystem::path path = options().device;
    std::error_code error;
    const auto is_gone = [&] {
        return !std::filesystem::exists(std::filesystem::symlink_status(path, error));
    };
    constexpr unsigned enough = 1000;
    for (unsigned attempt = 0; attempt < enough && !is_gone(); ++attempt) {
        back_off(attempt);
    }
}

} // namespace ipcdev::conformance
