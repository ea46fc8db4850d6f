// SPDX-License-Identifier: MIT
#include "options.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>

#include "uapi/ipcdev.h"

namespace ipcdev::differential {

namespace {

constexpr auto usage = R"(usage: ipcdev-differential --device PATH [options]

Drives a live device and the core side by side with random operations of several
clients, and compares after each one. Needs the device for itself, and the right to
configure it.

  --device PATH      the device
  --serve COMMAND    start and end what serves it, '{device}' in COMMAND is the path;
                     without this it must be served
  --operations N     (20000)
  --seed S           of the random operations (1)
  --clients K        2 to 32 (4)
  --replay FILE      play the scenarios of that trace file instead
  --trace FILE       write the trace that shows a difference there, too
  --hang-ms N        a call that takes longer hangs (10000)
  --slowness X       multiplies all time limits; default: IPCDEV_SLOWNESS, or 1

Exit status: 0 equal, 1 a difference, 2 wrong options, or no device to test.
)";

[[noreturn]] void refuse(const std::string& mistake) {
    std::fprintf(stderr, "ipcdev-differential: %s\n%s", mistake.c_str(), usage);
    std::exit(2);
}

template <class Number>
Number number_of(const std::string& option, const std::string& text, Number least, Number most) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < least ||
        number > most) {
        refuse(option + ": not '" + text + "'");
    }
    return number;
}

double slowness_of(const std::string& name, const std::string& text) {
    return number_of(name, text, 0.01, 10000.0);
}

using Setters = std::map<std::string, std::function<void(const std::string&)>>;

Setters setters_of(Options& options) {
    const auto text = [](std::string& field) {
        return [&field](const std::string& value) { field = value; };
    };
    const auto number = [](const char* name, std::uint64_t& field, std::uint64_t least,
                           std::uint64_t most) {
        return
            [=, &field](const std::string& value) { field = number_of(name, value, least, most); };
    };
    return {{"--device", text(options.device)},
            {"--serve", text(options.serve)},
            {"--replay", text(options.replay)},
            {"--trace", text(options.trace)},
            {"--operations", number("--operations", options.operations, 1, UINT64_MAX)},
            {"--seed", number("--seed", options.seed, 0, UINT64_MAX)},
            {"--hang-ms", number("--hang-ms", options.hang_ms, 1, 3600000)},
            {"--clients", number("--clients", options.clients, 2, IPCDEV_WAITERS_PER_CALL)},
            {"--slowness", [&options](const std::string& value) {
                 options.slowness = slowness_of("--slowness", value);
             }}};
}

} // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    if (const char* slowness = std::getenv("IPCDEV_SLOWNESS")) {
        options.slowness = slowness_of("IPCDEV_SLOWNESS", slowness);
    }
    const Setters setters = setters_of(options);
    for (int i = 1; i < argc; ++i) {
        const std::string option = argv[i];
        if (option == "--help" || option == "-h") {
            std::fputs(usage, stdout);
            std::exit(0);
        }
        const auto setter = setters.find(option);
        if (setter == setters.end() || i + 1 == argc) {
            refuse(option + ": unknown, or without its value");
        }
        setter->second(argv[++i]);
    }
    if (options.device.empty()) {
        refuse("--device is missing");
    }
    return options;
}

} // namespace ipcdev::differential
