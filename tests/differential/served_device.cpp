// SPDX-License-Identifier: MIT
#include "served_device.h"

#include <csignal>
#include <filesystem>

#include "support/mounts.h"
#include "support/serving.h"

namespace ipcdev::differential {

namespace {

Settings settings_of(const ipcdev_info& info) {
    return {
        .mode = static_cast<Mode>(info.mode), .depth = info.depth, .max_message = info.max_message};
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
    test::start_server(server_, serve_command(options_.serve, options_.device), [this] {
        try {
            static_cast<void>(Live(options_.device, 0, watch_).info());
            return true;
        } catch (const std::system_error&) {
            return false; // not there yet
        }
    });
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
    return test::server_name(found_.server);
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
