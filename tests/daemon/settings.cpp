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
)";

[[noreturn]] void refuse(const std::string& mistake) {
    std::fprintf(stderr, "ipcdev-daemon-tests: %s\n%s", mistake.c_str(), usage);
    std::exit(2); // NOLINT(concurrency-mt-unsafe): no thread yet
}

void set_slowness(std::string_view text) {
    const auto parsed =
        std::from_chars(text.data(), text.data() + text.size(), the_settings.slowness);
    if (parsed.ec != std::errc{} || the_settings.slowness == 0) {
        refuse("the slowness is a number from 1 on, not '" + std::string(text) + "'");
    }
}

} // namespace

const TestSettings& settings() {
    return the_settings;
}

void parse_settings(int argc, char** argv) {
    if (const char* slowness = std::getenv("IPCDEV_SLOWNESS")) { // NOLINT(concurrency-mt-unsafe)
        set_slowness(slowness);
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
            set_slowness(value);
        } else {
            refuse(std::string(option) + ": unknown option");
        }
    }
    if (the_settings.daemon.empty()) {
        refuse("--daemon is missing");
    }
    the_settings.limit *= the_settings.slowness;
}

} // namespace ipcdev::daemon_tests
