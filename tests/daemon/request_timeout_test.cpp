// SPDX-License-Identifier: MIT
//
// A kernel that is set to abort the connection of who leaves a request without an answer
// for long: the daemon says so at its start. The settings are files in place of the
// kernel's, in the mount namespace of the tests.
#include <sys/mount.h>

#include "fixture.h"
#include "sandbox.h"
#include "support/errors.h"

namespace ipcdev::daemon_tests {

namespace {

class Timeouts : public RootTest {
  protected:
    void SetUp() override {
        RootTest::SetUp();
        if (!IsSkipped() && !in_sandbox()) {
            GTEST_SKIP() << "needs a mount namespace";
        }
    }
    void TearDown() override {
        if (replaced_) {
            umount2(settings_folder, MNT_DETACH);
        }
        RootTest::TearDown();
    }

    void set(const std::string& by_default, const std::string& most) {
        if (!replaced_) {
            checked(mount("settings", settings_folder, "tmpfs", 0, nullptr), "mount");
            replaced_ = true;
        }
        const fs::path folder = fs::path(settings_folder) / "fuse";
        fs::create_directory(folder);
        make_file(folder / "default_request_timeout", by_default + "\n");
        make_file(folder / "max_request_timeout", most + "\n");
    }

    [[nodiscard]] std::string warning(unsigned seconds, const std::string& settings) const {
        return "ipcdevd: warning: this kernel ends " + file().string() +
               " when a call waits for more than " + std::to_string(seconds) +
               " seconds. Run 'sysctl" + settings + "' as root, then start again";
    }
    // What it logs before it is ready; it serves all the same.
    [[nodiscard]] std::string said_at_the_start() const {
        Daemon daemon(fuse_command());
        EXPECT_TRUE(passes_messages(file()));
        const std::string said = daemon.errors();
        EXPECT_EQ(daemon.stop(), 0);
        return said.substr(0, said.find("ipcdevd: info: ready"));
    }

  private:
    static constexpr const char* settings_folder = "/proc/sys/fs";
    bool replaced_ = false;
};

TEST_F(Timeouts, OfNoneNothingIsSaid) {
    set("0", "0");
    EXPECT_EQ(said_at_the_start(), "");
}

TEST_F(Timeouts, OfAKernelThatKnowsNoneNothingIsSaid) {
    set("", "");
    EXPECT_EQ(said_at_the_start(), "");
}

TEST_F(Timeouts, OfALimitTheSentenceSaysWhatMendsIt) {
    set("0", "20");
    EXPECT_TRUE(said_at_the_start().starts_with(warning(20, " fs.fuse.max_request_timeout=0")));
    set("10", "20");
    EXPECT_TRUE(said_at_the_start().starts_with(
        warning(20, " fs.fuse.default_request_timeout=0 fs.fuse.max_request_timeout=0")));
}

TEST_F(Timeouts, OfADefaultTheLongestIsAskedForAndSaid) {
    set("20", "0");
    EXPECT_TRUE(
        said_at_the_start().starts_with(warning(65535, " fs.fuse.default_request_timeout=0")));
}

} // namespace

} // namespace ipcdev::daemon_tests
