// SPDX-License-Identifier: MIT
#include "options.h"

#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <iostream>
#include <map>
#include <optional>

#include <CLI/CLI.hpp>

#include "memory_limit.h"

namespace ipcdev {

namespace {

constexpr int wrong_options = 2;
constexpr std::size_t name_max = 63; // characters
constexpr std::uint32_t spin_us_max = 1'000'000;

// What was typed, before it is checked as a whole.
struct Typed {
    std::string mode = "fifo";
    std::uint32_t depth = 0; // 0: not given
    std::uint32_t max_message = IPCDEV_MESSAGE_DEFAULT;
    std::string permissions = "0600";
    std::string owner;
    std::string group;
    std::string user;
    std::optional<unsigned> cpu;
    std::uint32_t spin_us = 0;
    std::string log_level = "info";
    bool foreground = false;
};

[[noreturn]] void mistake(const std::string& sentence) {
    throw CLI::ValidationError(sentence);
}

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

CLI::Validator one_of(const std::vector<std::string>& words) {
    return {[=](std::string& typed) {
                if (std::ranges::find(words, typed) != words.end()) {
                    return std::string{};
                }
                std::string list;
                for (const std::string& word : words) {
                    list += (list.empty() ? "" : ", ") + word;
                }
                return "must be one of " + list + ", not '" + typed + "'";
            },
            ""};
}

std::string check_name(std::string& typed) {
    const auto fit = [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
    };
    if (!typed.empty() && typed.size() <= name_max &&
        std::isalnum(static_cast<unsigned char>(typed[0])) != 0 &&
        std::ranges::all_of(typed, fit)) {
        return {};
    }
    return "must be 1 to " + std::to_string(name_max) +
           " letters, digits, '.', '_' or '-', beginning with a letter or digit, not '" + typed +
           "'";
}

std::optional<unsigned> number(const std::string& typed, int base) {
    unsigned value = 0;
    const char* end = typed.data() + typed.size();
    const auto parsed = std::from_chars(typed.data(), end, value, base);
    return parsed.ec == std::errc{} && parsed.ptr == end ? std::optional(value) : std::nullopt;
}

// Catches an unset variable in a script: --path "$UNSET".
std::string check_not_empty(std::string& typed) {
    return typed.empty() ? "must not be empty" : "";
}

std::string check_permissions(std::string& typed) {
    const auto value = number(typed, 8);
    return value && *value <= 0777 ? std::string{}
                                   : "must be octal, 0000 to 0777, not '" + typed + "'";
}

// UINT_MAX is no id: for chown(2) it means 'leave unchanged'.
std::optional<unsigned> id_number(const std::string& typed) {
    const auto id = number(typed, 10);
    return id == UINT_MAX ? std::nullopt : id;
}

// The user need not exist if given as a number; the group is then the same number.
Identity identity(const std::string& option, const std::string& typed) {
    const auto id = id_number(typed);
    const passwd* user = id ? getpwuid(*id) : getpwnam(typed.c_str());
    if (user != nullptr) {
        return {.user = user->pw_uid, .group = user->pw_gid};
    }
    if (!id) {
        mistake(option + ": there is no user '" + typed + "'");
    }
    return {.user = *id, .group = *id};
}

gid_t group_id(const std::string& typed) {
    if (const auto id = id_number(typed)) {
        return *id;
    }
    const group* entry = getgrnam(typed.c_str());
    if (entry == nullptr) {
        mistake("--group: there is no group '" + typed + "'");
    }
    return entry->gr_gid;
}

std::uint32_t mode_number(const std::string& typed) {
    if (typed == "ring") {
        return IPCDEV_MODE_RING;
    }
    return typed == "slot" ? IPCDEV_MODE_SLOT : IPCDEV_MODE_FIFO;
}

void add_options(CLI::App& app, Options& options, Typed& typed) {
    app.set_version_flag("--version", "ipcdevd " IPCDEV_VERSION);
    app.set_config("--config", "", "Read options from this file (INI or TOML), as name=value");
    app.allow_config_extras(CLI::config_extras_mode::error);
    app.add_option("--name", options.name, "Serve /dev/NAME")
        ->capture_default_str()
        ->check(CLI::Validator(check_name, ""))
        ->envname("IPCDEV_NAME");
    app.add_option("--mode", typed.mode,
                   "fifo: writers wait while it is full. ring: keeps the newest messages, "
                   "writers never wait. slot: a ring of depth 1")
        ->capture_default_str()
        ->check(one_of({"fifo", "ring", "slot"}))
        ->envname("IPCDEV_MODE");
    app.add_option("--depth", typed.depth, "Messages a fifo or ring holds, 1 to 65536 (default 64)")
        ->check(between(IPCDEV_DEPTH_MIN, IPCDEV_DEPTH_MAX, "messages"))
        ->envname("IPCDEV_DEPTH");
    app.add_option("--max-message", typed.max_message, "Bytes of one message, 1 to 65536")
        ->capture_default_str()
        ->check(between(IPCDEV_MESSAGE_MIN, IPCDEV_MESSAGE_MAX, "bytes"))
        ->envname("IPCDEV_MAX_MESSAGE");
    app.add_option("--permissions", typed.permissions, "Mode of the node or file, octal")
        ->capture_default_str()
        ->check(CLI::Validator(check_permissions, ""))
        ->envname("IPCDEV_PERMISSIONS");
    app.add_option("--owner", typed.owner, "User of the node or file (default: yourself)")
        ->check(CLI::Validator(check_not_empty, ""))
        ->envname("IPCDEV_OWNER");
    app.add_option("--group", typed.group, "Group of the node or file (default: your own)")
        ->check(CLI::Validator(check_not_empty, ""))
        ->envname("IPCDEV_GROUP");
    app.add_option(
           "--user", typed.user,
           "User that root switches to once it serves (default: ipcdev if that exists, else "
           "nobody)")
        ->check(CLI::Validator(check_not_empty, ""))
        ->envname("IPCDEV_USER");
    app.add_option("--transport", "cuse: a character device. fuse: a FUSE-mounted file. "
                                  "auto: cuse where /dev/cuse can be opened")
        ->default_str("auto")
        ->check(one_of({"auto", "cuse", "fuse"}))
        ->envname("IPCDEV_TRANSPORT");
    app.add_option("--path", options.path,
                   "Serve the FUSE file here (default: /dev/NAME as root, else "
                   "$XDG_RUNTIME_DIR/NAME)")
        ->check(CLI::Validator(check_not_empty, ""))
        ->envname("IPCDEV_PATH");
    auto* foreground =
        app.add_flag("--foreground", typed.foreground, "Stay in the foreground (the default)");
    app.add_flag("--background", options.background, "Return once the device can be used")
        ->excludes(foreground);
    app.add_flag("--keep,!--no-keep", options.keep,
                 "Go on with another process when the one that serves is killed: clients notice "
                 "nothing (the default with --background)")
        ->envname("IPCDEV_KEEP");
    app.add_flag("--print-layout", options.print_layout,
                 "Print how the state is laid out that --keep leaves to another program, and exit")
        ->configurable(false)
        ->group(""); // not in --help: it is for the program itself
    app.add_option("--cpu", typed.cpu,
                   "Run only on this processor; best if the clients run on it too")
        ->check(between(0, CPU_SETSIZE - 1, "(a processor's number)"))
        ->envname("IPCDEV_CPU");
    app.add_option("--spin-us", typed.spin_us,
                   "Busy-wait this many microseconds for a request before sleeping. Only useful "
                   "with a processor to itself")
        ->capture_default_str()
        ->check(between(0, spin_us_max, "microseconds"))
        ->envname("IPCDEV_SPIN_US");
    app.add_option("--log-level", typed.log_level, "trace, debug, info, warn, error or off")
        ->capture_default_str()
        ->check(one_of({"trace", "debug", "info", "warn", "error", "off"}))
        ->envname("IPCDEV_LOG_LEVEL");
}

// Checks and sets what depends on several options.
void combine(const CLI::App& app, Options& options, const Typed& typed) {
    SettingsChange change;
    change.mode = mode_number(typed.mode);
    change.depth = typed.depth;
    change.max_message = typed.max_message;
    if (change.mode == IPCDEV_MODE_SLOT && typed.depth > 1) {
        mistake("--depth: a slot holds one message; leave it out, or use --mode ring or fifo");
    }
    if (Device::apply(change, options.settings) != 0) {
        mistake("--depth times --max-message may be at most 268435456 bytes (256 MiB)");
    }
    options.access.permissions = *number(typed.permissions, 8);
    if (!typed.owner.empty()) {
        options.access.owner = identity("--owner", typed.owner).user;
    }
    if (!typed.group.empty()) {
        options.access.group = group_id(typed.group);
    }
    if (!typed.user.empty()) {
        options.user = {.identity = identity("--user", typed.user), .is_asked_for = true};
    } else if (geteuid() == 0) {
        options.user = default_serving_user(); // now, since the look-up may be slow
    }
    const std::map<std::string, Transport> transports{
        {"auto", Transport::automatic}, {"cuse", Transport::cuse}, {"fuse", Transport::fuse}};
    const CLI::Option* transport = app.get_option("--transport");
    if (transport->count() != 0) {
        options.transport = transports.at(transport->as<std::string>());
    }
    if (!options.path.empty()) {
        if (options.transport == Transport::cuse) {
            mistake("--path is for the FUSE file; CUSE serves /dev/NAME: use --name");
        }
        options.transport = Transport::fuse;
    }
    if (app.get_option("--keep")->count() == 0) {
        options.keep = options.background; // in the foreground somebody sees it end
    }
    options.cpu = typed.cpu;
    options.spin = std::chrono::microseconds(typed.spin_us);
    options.log_level = spdlog::level::from_str(typed.log_level);
}

} // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    Typed typed;
    CLI::App app("Serves /dev/ipcdev from user space: processes pass messages by write and read.",
                 "ipcdevd");
    app.footer(
        std::string(
            "All options except --config, --foreground and --background can also be set in the\n"
            "environment: IPCDEV_MAX_MESSAGE for --max-message.\n") +
        "At most " + std::to_string(held_mib_max) +
        " MiB are held for messages, queued, begun or of blocked calls; then a write gets ENOMEM.\n"
        "SIGTERM, SIGINT and SIGHUP stop it. With --keep SIGHUP runs the program anew, whatever "
        "its\n"
        "version, and the device goes on.\n"
        "Exit status: 0 stopped by a signal or unmounted, 1 could not serve, 2 wrong options.");
    try {
        add_options(app, options, typed);
        app.parse(argc, argv);
        combine(app, options, typed);
    } catch (const CLI::ParseError& end) {
        if (end.get_exit_code() == 0) {
            throw ParseEnd{app.exit(end)};
        }
        std::cerr << "ipcdevd: " << end.what() << ". 'ipcdevd --help' lists the options.\n";
        throw ParseEnd{wrong_options};
    }
    return options;
}

} // namespace ipcdev
