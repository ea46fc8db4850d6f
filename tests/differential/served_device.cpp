// SPDX-License-Identifier: MIT
#include "served_device.h"

#include <csignal>
#include <filesystem>

#include "support/mounts.h"
#include "support/waiting.h"

namespace ipcdev::differential {

namespace {

Settings settings_of(const ipcdev_info& info) {
    return {
        .mode = static_cast<Mode>(info.mode), .depth = info.depth, .max_message = info.max_message};
}

// The shell command with the path wherever it says {device}; the shell becomes it.
Command serve_command(const Options& options) {
    constexpr std::string_view place = "{device}";
    const std::string word = shell_quoted(options.device);
    std::string text = "exec " + options.serve;
    for (std::size_t at = 0; (at = text.find(place, at)) != std::string::npos; at += word.size()) {
        text.replace(at, place.size(), word);
    }
    Command command = shell_command(text);
    command.death_signal = SIGTERM;
    return command;
}

} // namespace

ServedDevice::ServedDevice(const Options& options, std::size_t clients)
    : options_(options), clients_(clients),
      watch_(options.hang(), [this] { server_.signal(SIGKILL); }) {
    connect();
    live_->wait_for_opens(); // more than ours: somebody else uses it
    found_ = live_->info();
}

ServedDevice::~ServedDevice() {
    kill_server();
}

void ServedDevice::connect() {
    if (!options_.serve.empty()) {
        start_server();
    }
    live_ = std::make_unique<Live>(options_.device, clients_, watch_);
    live_->set_limit(options_.hang());
}

void ServedDevice::start_server() {
    server_ = Program(serve_command(options_));
    for (unsigned attempt = 0;; ++attempt) {
        if (server_.ended()) {
            throw std::runtime_error("the server ended instead of serving: " + server_.errors());
        }
        try {
            static_cast<void>(Live(options_.device, 0, watch_).info());
            return;
        } catch (const std::system_error&) {
            back_off(attempt); // not there yet
        }
    }
}

Live& ServedDevice::fresh(const Settings& settings) {
    try {
        live_->reset(settings);
        return *live_;
    } catch (const std::runtime_error&) {
        if (options_.serve.empty()) {
            throw;
        }
    }
    kill_server();
    live_.reset();
    connect();
    live_->reset(settings);
    return *live_;
}

const char* ServedDevice::server_name() const {
    switch (found_.server) {
    case IPCDEV_SERVER_MODULE:
        return "module";
    case IPCDEV_SERVER_CUSE:
        return "cuse";
    default:
        return "fuse";
    }
}

void ServedDevice::end() {
    live_->reset(settings_of(found_));
    live_.reset();
    if (server_.exists()) {
        const auto status = server_.kill(SIGTERM);
        if (status != 0) {
            throw std::runtime_error("the server did not end well: " + server_.errors());
        }
    }
}

// And what that leaves: a dead mount, on an empty file made for it.
void ServedDevice::kill_server() {
    if (!server_.kill(SIGKILL)) {
        return;
    }
    live_.reset(); // its calls have ended with the server
    std::error_code error;
    const std::filesystem::path device(options_.device);
    const auto folder =
        std::filesystem::canonical(device.has_parent_path() ? device.parent_path() : ".", error);
    const auto path = folder / device.filename();
    if (is_mount_point(path)) {
        unmount(path);
        if (std::filesystem::is_regular_file(path, error) &&
            std::filesystem::file_size(path, error) == 0) {
            std::filesystem::remove(path, error);
        }
    }
}

} // namespace ipcdev::differential
