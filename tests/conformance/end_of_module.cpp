// SPDX-License-Identifier: MIT
//
// Chapter 'End of the device' of the contract, as far as it is about the module:
// it can't go while it is open, and takes all with it when it goes.
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "device_test.h"
#include "options.h"

namespace ipcdev::conformance {
namespace {

class EndOfModule : public DeviceTest {
  protected:
    void SetUp() override {
        needs_own_server();
        DeviceTest::SetUp();
        if (info().server != IPCDEV_SERVER_MODULE) {
            skip("is about the module");
        }
    }

    static void expect_refused_removal() {
        test::Program removal(test::shell_command("exec rmmod ipcdev"));
        EXPECT_NE(removal.wait(), EXIT_SUCCESS);
        EXPECT_NE(removal.errors().find("in use"), std::string::npos) << removal.errors();
    }
};

TEST_F(EndOfModule, CantComeWhileItIsOpen) {
    contract("E1");
    write_ok(a, "stays");
    expect_refused_removal();
    expect_read(b, "stays");
}

TEST_F(EndOfModule, CantComeWhileAReadIsParked) {
    contract("E1");
    read_parks(a);
    expect_refused_removal();
    write_ok(b, "works");
    expect_read(a, "works");
}

TEST_F(EndOfModule, TakesTheNodeAndWhatIsQueuedWithIt) {
    contract("E1");
    for (int i = 0; i < 10; ++i) {
        write_ok(a, "nobody reads this");
    }
    a.end();
    EXPECT_EQ(server().end(SIGTERM), EXIT_SUCCESS);
    EXPECT_FALSE(std::filesystem::exists(options().device));
    server().ensure();
    expect_queued(0, 0);
    EXPECT_EQ(stats().messages_written, 0U);
}

} // namespace
} // namespace ipcdev::conformance
