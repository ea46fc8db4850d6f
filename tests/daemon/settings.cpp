// SPDX-License-Identifier: MIT
#include "settings.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace ipcdev::daemon_tests {

namespace {

TestSettings the_settings;

constexpr auto usage = R"(usage: ipcdev-daemon-tests --daemon PATH [options] [gtest's options]

  --daemon PATH   the ipcdevd under test
  --slowness N    multiplies the time a test may take, divides the rounds of those
                  that repeat; default: IPCDEV_SLOWNESS, or 1
  --starts N      how often AtAnyMoment* start a daemon while clients open its path
                  as fast as they can; default: IPCDEV_STARTS, or 30 to 40
)";

[[noreturn]] void refuse(const std::string& mistake) {
    std::fprintf(stderr, "ipcdev-daemon-tests: %s\n%s", mistake.c_str(), usage);
    std::exit(2); // NOLINT(concurrency-mt-unsafe): no thread yet
}

void set(unsigned& number, const std::string& name, std::string_view text) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc{} || number == 0) {
        refuse("the " + name + " is a number from 1 on, not '" + std::string(text) + "'");
    }
}

} // namespace

const TestSettings& settings() {
    return the_settings;
}

void parse_settings(int argc, char** argv) {
    if (const char* slowness = std::getenv("IPCDEV_SLOWNESS")) { // NOLINT(concurrency-mt-unsafe)
        set(the_settings.slowness, "slowness", slowness);
    }
    if (const char* starts = std::getenv("IPCDEV_STARTS")) { // NOLINT(concurrency-mt-unsafe)
        set(the_settings.starts, "number of starts", starts);
    }
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (i + 1 == argc) {
            refuse(std::string(option) + ": unknown, or without its value");
        }
        const std::string value = argv[++i];
        if (option == "--daemon") {
            the_settings.daemon = std::filesystem::absolute(value);
        } else if (option == "--slowness") {
            set(the_settings.slowness, "slowness", value);
        } else if (option == "--starts") {
            set(the_settings.starts, "number of starts", value);
        } else {
            refuse(std::string(option) + ": unknown option");
        }
    }
    if (the_settings.daemon.empty()) {
        refuse("--daemon is missing");
    }
    the_settings.limit += std::chrono::seconds(the_settings.starts);
    the_settings.limit *= the_settings.slowness;
}

} // namespace ipcdev::daemon_tests
