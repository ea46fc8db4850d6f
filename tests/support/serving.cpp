// SPDX-License-Identifier: MIT
#include "support/serving.h"

#include <csignal>
#include <stdexcept>
#include <string_view>

#include "support/waiting.h"
#include "uapi/ipcdev.h"

namespace ipcdev::test {

std::string with_device(std::string command, const std::string& path) {
    constexpr std::string_view place = "{device}";
    const std::string word = shell_quoted(path);
    for (std::size_t at = 0; (at = command.find(place, at)) != std::string::npos;) {
        command.replace(at, place.size(), word);
        at += word.size();
    }
    return command;
}

Command serve_command(const std::string& serve, const std::string& path, const std::string& extra) {
    Command started = shell_command(with_device("exec " + serve + " " + extra, path));
    started.death_signal = SIGTERM;
    return started;
}

void start_server(Program& server, const Command& command, const std::function<bool()>& serves) {
    server = Program(command);
    for (unsigned attempt = 0; !serves(); ++attempt) {
        if (server.ended()) {
            throw std::runtime_error("the server ended instead of serving: " + server.errors());
        }
        back_off(attempt);
    }
}

const char* server_name(unsigned server) {
    switch (server) {
    case IPCDEV_SERVER_MODULE:
        return "module";
    case IPCDEV_SERVER_CUSE:
        return "cuse";
    case IPCDEV_SERVER_FUSE:
        return "fuse";
    default:
        return "unknown";
    }
}

} // namespace ipcdev::test
