// SPDX-License-Identifier: MIT
#include "options.h"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <iterator>

#include <CLI/CLI.hpp>

namespace ipcdev::bench {

namespace {

constexpr int wrong_options = 2;
constexpr unsigned usual_repetitions = 7;
constexpr unsigned brief_repetitions = 2;
constexpr unsigned usual_sample_ms = 20;
constexpr unsigned brief_sample_ms = 1;
constexpr std::size_t message_bytes_max = 65536;

// As they are typed.
struct Typed {
    std::vector<std::string> devices;
    std::vector<std::string> servers;
    std::string placement = "one-core";
    unsigned sample_ms = 0;
};

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
        if (c == at) {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    return parts;
}

struct Labelled {
    std::string label;
    std::vector<std::string> values; // one or two
};

Labelled labelled(const std::string& option, const std::string& typed) {
    const auto sign = typed.find('=');
    if (sign == std::string::npos || sign == 0 || sign + 1 == typed.size()) {
        throw CLI::ValidationError(option + ": must be LABEL=VALUE, not '" + typed + "'");
    }
    auto values = split(typed.substr(sign + 1), ',');
    if (values.size() > 2 || std::ranges::count(values, "") > 0) {
        throw CLI::ValidationError(option + ": takes one value or two, as A,B, not '" + typed +
                                   "'");
    }
    return {.label = typed.substr(0, sign), .values = std::move(values)};
}

void add_device_of(const std::string& text, std::vector<ServedDevice>& devices) {
    auto [label, paths] = labelled("--device", text);
    if (std::ranges::count(devices, label, &ServedDevice::label) > 0) {
        throw CLI::ValidationError("--device: there are two labelled '" + label + "'");
    }
    devices.push_back({.label = label, .paths = std::move(paths), .servers = {}});
}

pid_t pid_of(const std::string& typed) {
    pid_t number = 0;
    const auto* end = typed.data() + typed.size();
    const auto parsed = std::from_chars(typed.data(), end, number);
    if (parsed.ec != std::errc{} || parsed.ptr != end || number <= 1) {
        throw CLI::ValidationError("--server-pid: '" + typed + "' is no process id");
    }
    return number;
}

void add_servers_of(const std::string& text, std::vector<ServedDevice>& devices) {
    const auto [label, pids] = labelled("--server-pid", text);
    const auto device = std::ranges::find(devices, label, &ServedDevice::label);
    if (device == devices.end()) {
        throw CLI::ValidationError("--server-pid: there is no --device labelled '" + label + "'");
    }
    std::ranges::transform(pids, std::back_inserter(device->servers), pid_of);
}

std::vector<ServedDevice> devices_of(const Typed& typed) {
    std::vector<ServedDevice> devices;
    for (const auto& text : typed.devices) {
        add_device_of(text, devices);
    }
    for (const auto& text : typed.servers) {
        add_servers_of(text, devices);
    }
    return devices;
}

void add_options(CLI::App& app, Options& options, Typed& typed) {
    app.set_version_flag("--version", "ipcdev-bench " IPCDEV_VERSION);
    app.add_flag("--list", options.list, "List the peers and the measures");
    app.add_option("--device", typed.devices,
                   "A device that is served: LABEL=PATH, or LABEL=PATH,PATH with a second one "
                   "for the way back of round trips. May be given several times")
        ->allow_extra_args(false)
        ->type_name("");
    app.add_option("--server-pid", typed.servers,
                   "Who serves it: LABEL=PID or LABEL=PID,PID. Is placed and watched too")
        ->allow_extra_args(false)
        ->type_name("");
    app.add_option("--placement", typed.placement,
                   "one-core: all processes share a processor. two-cores: the writer and daemons "
                   "have another one than the reader")
        ->capture_default_str()
        ->check(CLI::IsMember({"one-core", "two-cores"}))
        ->type_name("");
    app.add_option("--peer", options.peers, "Only these; 'pipe' always is")->type_name("NAME...");
    app.add_option("--measure", options.measures, "Only these")->type_name("NAME...");
    app.add_option("--size", options.sizes, "Bytes of a message")
        ->check(CLI::Range(std::size_t{1}, message_bytes_max))
        ->type_name("BYTES...");
    app.add_option("--repetitions", options.repetitions, "Samples of each figure")
        ->check(CLI::Range(1U, 1000U))
        ->type_name("N");
    app.add_option("--sample-ms", typed.sample_ms, "What one sample takes about")
        ->check(CLI::Range(1U, 10'000U))
        ->type_name("MS");
    app.add_flag("--brief", options.brief, "Only to see that it works: figures mean nothing");
    app.add_flag("--instructions", options.instructions,
                 "The clock counts instructions, as in a machine by bench/in-vm --instructions: "
                 "figures are called so, and never a time");
    app.add_option("--label", options.label, "What to call the result")->type_name("TEXT");
    app.add_option("--json", options.json, "Write the result to FILE too")->type_name("FILE");
}

void combine(Options& options, const Typed& typed) {
    options.devices = devices_of(typed);
    options.placement = typed.placement == "one-core" ? Spread::one_core : Spread::two_cores;
    if (options.repetitions == 0) {
        options.repetitions = options.brief ? brief_repetitions : usual_repetitions;
    }
    if (options.sizes.empty()) {
        options.sizes = options.brief ? std::vector<std::size_t>{64, 4096}
                                      : std::vector<std::size_t>{8, 64, 1024, 4096, 65536};
    }
    const unsigned usual_ms = options.brief ? brief_sample_ms : usual_sample_ms;
    options.sample_time =
        std::chrono::milliseconds(typed.sample_ms != 0 ? typed.sample_ms : usual_ms);
}

} // namespace

void wrong_use(const std::string& sentence) {
    std::cerr << "ipcdev-bench: " << sentence << ". 'ipcdev-bench --help' lists the options.\n";
    throw ParseEnd{wrong_options};
}

Options parse_options(int argc, char** argv) {
    Options options;
    Typed typed;
    CLI::App app("Says how fast /dev/ipcdev is, beside what else passes messages on Linux.",
                 "ipcdev-bench");
    app.footer("Exit status: 0 done, 1 something failed, 2 wrong options.");
    try {
        add_options(app, options, typed);
        app.parse(argc, argv);
        combine(options, typed);
    } catch (const CLI::ParseError& end) {
        if (end.get_exit_code() == 0) {
            throw ParseEnd{app.exit(end)};
        }
        wrong_use(end.what());
    }
    return options;
}

} // namespace ipcdev::bench
