// SPDX-License-Identifier: MIT
//
// The tests of ipcdevd as a program. It is started, used, ended and killed by
// them; what they see of it is what a user sees.
#include <gtest/gtest.h>

#include <sys/prctl.h>

#include <cstdlib>

#include "sandbox.h"
#include "settings.h"
#include "support/watchdog.h"

namespace {

// What the daemon reads must come from the tests only.
void clean_environment() {
    for (const char* name :
         {"IPCDEV_NAME", "IPCDEV_MODE", "IPCDEV_DEPTH", "IPCDEV_MAX_MESSAGE", "IPCDEV_PERMISSIONS",
          "IPCDEV_OWNER", "IPCDEV_GROUP", "IPCDEV_USER", "IPCDEV_TRANSPORT", "IPCDEV_PATH",
          "IPCDEV_LOG_LEVEL", "IPCDEV_CPU", "IPCDEV_SPIN_US", "XDG_RUNTIME_DIR", "NOTIFY_SOCKET"}) {
        unsetenv(name); // NOLINT(concurrency-mt-unsafe): no thread yet
    }
}

} // namespace

int main(int argc, char** argv) {
    using namespace ipcdev::daemon_tests;
    ::testing::InitGoogleTest(&argc, argv);
    if (GTEST_FLAG_GET(list_tests)) {
        return RUN_ALL_TESTS();
    }
    parse_settings(argc, argv);
    clean_environment();
    return run_in_sandbox([] {
        // A background daemon loses its parent: it becomes ours then.
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        ipcdev::test::watchdog::install({.test = settings().limit, .grace = settings().limit / 3});
        return RUN_ALL_TESTS();
    });
}
