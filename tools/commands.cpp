// SPDX-License-Identifier: MIT
#include "commands.h"

#include <ctime>

#include <algorithm>

#include "device_file.h"
#include "report.h"

namespace ipcdev {

namespace {

using Access = DeviceFile::Access;

std::uint64_t monotonic_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U) +
           static_cast<std::uint64_t>(now.tv_nsec);
}

std::string show_info(const Options& options) {
    const DeviceFile device(options.device, Access::read);
    const Record record = record_of(device.path(), device.info());
    return options.json ? json_of(record) : text_of(record);
}

std::string show_stats(const Options& options) {
    const Record record = record_of(DeviceFile(options.device, Access::read).stats());
    return options.json ? json_of(record) : text_of(record);
}

// When no call is listed. Users without privilege don't see the calls of others.
std::string say_that_none_is_seen(const ipcdev_info& info) {
    const std::uint64_t parked = std::uint64_t{info.parked_readers} + info.parked_writers;
    if (parked == 0) {
        return "no call is parked\n";
    }
    return "none of your calls is parked; calls of other users: " + std::to_string(parked) + "\n";
}

std::string show_waiters(const Options& options) {
    const DeviceFile device(options.device, Access::read);
    const auto waiters = device.waiters();
    const std::uint64_t now_ns = monotonic_ns();
    std::vector<Record> records;
    std::ranges::transform(waiters, std::back_inserter(records),
                           [&](const ipcdev_waiter& waiter) { return record_of(waiter, now_ns); });
    if (options.json) {
        return json_of(records);
    }
    return records.empty() ? say_that_none_is_seen(device.info()) : text_of(records);
}

} // namespace

std::string run_command(const Options& options) {
    switch (options.command) {
    case Command::info:
        return show_info(options);
    case Command::stats:
        return show_stats(options);
    case Command::waiters:
        return show_waiters(options);
    case Command::configure:
        DeviceFile(options.device, Access::read).configure(options.change);
        break;
    case Command::clear:
        DeviceFile(options.device, Access::write).clear();
        break;
    }
    return {};
}

} // namespace ipcdev
