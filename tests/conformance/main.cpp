// SPDX-License-Identifier: MIT
//
// ipcdev-conformance: the contract of /dev/ipcdev as tests. It knows a path,
// and INFO; nothing else tells it who serves the device.
//
// Exit status: 0 all well, 1 a test failed or the server ended badly, 2 wrong
// options or nobody serves, 3 the device hung and the suite gave up.
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "device_test.h"
#include "options.h"
#include "report.h"
#include "support/watchdog.h"

namespace {

// However short a test's time is, a server is started and ended in its grace.
ipcdev::test::watchdog::Limits watchdog_limits() {
    const auto& options = ipcdev::conformance::options();
    const std::chrono::duration<double> grace = std::chrono::seconds(5) * options.slowness;
    return {.test = options.watchdog,
            .grace = std::chrono::duration_cast<std::chrono::milliseconds>(grace)};
}

} // namespace

int main(int argc, char** argv) {
    namespace conformance = ipcdev::conformance;
    const std::string command_line = [&] {
        std::string all;
        for (int i = 0; i < argc; ++i) {
            all += (i > 0 ? " " : "") + std::string(argv[i]);
        }
        return all;
    }();
    testing::InitGoogleTest(&argc, argv);
    if (testing::GTEST_FLAG(list_tests)) {
        return RUN_ALL_TESTS();
    }
    conformance::parse_options(argc, argv, command_line);
    testing::GTEST_FLAG(catch_exceptions) = true; // a verb that fails throws
    ipcdev::test::watchdog::install(watchdog_limits());
    conformance::report::install();

    int status = 2;
    if (conformance::begin_serving()) {
        status = RUN_ALL_TESTS();
        if (!conformance::end_serving()) {
            status = 1;
        }
    }
    conformance::report::finish();
    return status;
}
