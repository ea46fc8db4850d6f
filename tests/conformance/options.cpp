// SPDX-License-Identifier: MIT
#include "options.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace ipcdev::conformance {
namespace {

Options the_options;

constexpr auto usage = R"(usage: ipcdev-conformance --device PATH [options] [gtest's options]

  --device PATH      the device under test
  --serve COMMAND    start and end what serves it, '{device}' in COMMAND is the path;
                     without this it must be served, and tests that end it are skipped
  --watchdog-ms N    time one test may take (10000)
  --slowness X       multiplies that time; default: IPCDEV_SLOWNESS, or 1
  --result FILE      write the result there as JSON
  --label TEXT       a name for this run, for the result
  --version          print the version that this belongs to
)";

[[noreturn]] void refuse(const std::string& mistake) {
    std::fprintf(stderr, "ipcdev-conformance: %s\n%s", mistake.c_str(), usage);
    std::exit(2);
}

double positive_number(const std::string& option, const std::string& text) {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(number > 0)) {
        refuse(option + ": '" + text + "' is not a number above 0");
    }
    return number;
}

} // namespace

const Options& options() {
    return the_options;
}

void parse_options(int argc, char** argv, const std::string& command_line) {
    the_options.command_line = command_line;
    double watchdog_ms = 10000;
    if (const char* slowness = std::getenv("IPCDEV_SLOWNESS")) {
        the_options.slowness = positive_number("IPCDEV_SLOWNESS", slowness);
    }
    for (int i = 1; i < argc; ++i) {
        std::string option = argv[i];
        if (option == "--help" || option == "-h") {
            std::fputs(usage, stdout);
            std::exit(0);
        }
        if (option == "--version") {
            std::puts("ipcdev-conformance " IPCDEV_VERSION);
            std::exit(0);
        }
        std::string value;
        if (const auto equals = option.find('='); equals != std::string::npos) {
            value = option.substr(equals + 1);
            option.resize(equals);
        } else if (i + 1 < argc) {
            value = argv[++i];
        } else {
            refuse(option + ": unknown, or without its value");
        }
        if (option == "--device") {
            the_options.device = value;
        } else if (option == "--serve") {
            the_options.serve = value;
        } else if (option == "--watchdog-ms") {
            watchdog_ms = positive_number(option, value);
        } else if (option == "--slowness") {
            the_options.slowness = positive_number(option, value);
        } else if (option == "--result") {
            the_options.result = value;
        } else if (option == "--label") {
            the_options.label = value;
        } else {
            refuse(option + ": unknown option");
        }
    }
    if (the_options.device.empty()) {
        refuse("--device is missing");
    }
    the_options.watchdog =
        std::chrono::milliseconds(static_cast<long>(watchdog_ms * the_options.slowness));
}

} // namespace ipcdev::conformance
