// SPDX-License-Identifier: MIT
#include "options.h"

#include <charconv>
#include <iostream>

#include <CLI/CLI.hpp>

namespace ipcdev {

namespace {

constexpr int wrong_options = 2;

CLI::Validator between(std::uint32_t low, std::uint32_t high, const std::string& unit) {
    return {[=](std::string& typed) {
                std::uint32_t value = 0;
                const char* end = typed.data() + typed.size();
                const auto parsed = std::from_chars(typed.data(), end, value);
                const bool good =
                    parsed.ec == std::errc{} && parsed.ptr == end && value >= low && value <= high;
                return good ? std::string{}
                            : "must be " + std::to_string(low) + " to " + std::to_string(high) +
                                  " " + unit + ", not '" + typed + "'";
            },
            ""};
}

std::string check_path(std::string& typed) {
    return typed.empty() ? "must name a file" : std::string{};
}

std::string check_mode(std::string& typed) {
    return typed == "fifo" || typed == "ring" || typed == "slot"
               ? std::string{}
               : "must be one of fifo, ring, slot, not '" + typed + "'";
}

__u32 mode_number(const std::string& typed) {
    if (typed == "ring") {
        return IPCDEV_MODE_RING;
    }
    return typed == "slot" ? IPCDEV_MODE_SLOT : IPCDEV_MODE_FIFO;
}

void add_settings(CLI::App& configure, Options& options, std::string& mode) {
    configure
        .add_option("--mode", mode,
                    "fifo: writers wait while it is full. ring: keeps the newest messages, "
                    "writers never wait. slot: a ring of depth 1")
        ->check(CLI::Validator(check_mode, ""));
    configure
        .add_option("--depth", options.change.depth, "Messages a fifo or ring holds, 1 to 65536")
        ->check(between(IPCDEV_DEPTH_MIN, IPCDEV_DEPTH_MAX, "messages"));
    configure
        .add_option("--max-message", options.change.max_message, "Bytes of one message, 1 to 65536")
        ->check(between(IPCDEV_MESSAGE_MIN, IPCDEV_MESSAGE_MAX, "bytes"));
}

void add_options(CLI::App& app, Options& options, std::string& mode) {
    app.set_version_flag("--version", "ipcdevctl " IPCDEV_VERSION);
    app.add_option("--device", options.device,
                   "The device; IPCDEV_DEVICE in the environment sets it too")
        ->capture_default_str()
        ->check(CLI::Validator(check_path, "PATH"))
        ->type_name("")
        ->envname("IPCDEV_DEVICE");
    app.require_subcommand(0, 1);
    app.fallthrough(); // --device may also follow the command

    const auto add = [&](const char* name, const char* what, Command command) {
        auto* subcommand = app.add_subcommand(name, what);
        subcommand->callback([&options, command] { options.command = command; });
        return subcommand;
    };
    for (auto* shows :
         {add("info", "Show the settings, and what is queued and parked", Command::info),
          add("stats", "Show the counters since the device began", Command::stats),
          add("waiters", "List the parked calls", Command::waiters)}) {
        shows->add_flag("--json", options.json, "Output for programs");
    }
    add_settings(*add("configure", "Change settings of an idle device", Command::configure),
                 options, mode);
    add("clear", "Drop all queued messages", Command::clear);
}

// Checks and sets what depends on several options.
void combine(const CLI::App& app, Options& options, const std::string& mode) {
    if (app.get_subcommands().empty()) {
        throw CLI::ValidationError("name a command: info, stats, waiters, configure or clear");
    }
    if (options.command != Command::configure) {
        return;
    }
    ipcdev_configure& change = options.change;
    if (!mode.empty()) {
        change.mode = mode_number(mode);
    }
    if (change.mode == 0 && change.depth == 0 && change.max_message == 0) {
        throw CLI::ValidationError(
            "configure: there is nothing to change; give --mode, --depth or --max-message");
    }
    if (change.mode == IPCDEV_MODE_SLOT && change.depth > 1) {
        throw CLI::ValidationError(
            "--depth: a slot holds one message; leave it out, or use --mode ring or fifo");
    }
}

} // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    std::string mode;
    CLI::App app("Shows and changes the state of /dev/ipcdev.", "ipcdevctl");
    app.footer(
        "Exit status: 0 done, 1 the device can't do it or can't be reached, 2 wrong options.");
    try {
        add_options(app, options, mode);
        app.parse(argc, argv);
        combine(app, options, mode);
    } catch (const CLI::ParseError& end) {
        if (end.get_exit_code() == 0) {
            throw ParseEnd{app.exit(end)};
        }
        std::cerr << "ipcdevctl: " << end.what() << ". 'ipcdevctl --help' lists the options.\n";
        throw ParseEnd{wrong_options};
    }
    return options;
}

} // namespace ipcdev
