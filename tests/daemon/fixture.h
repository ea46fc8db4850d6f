// SPDX-License-Identifier: MIT
//
// A test of the daemon: under the watchdog, in an empty folder of its own, and
// with nothing left of it afterwards.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "daemon.h"
#include "device_calls.h"
#include "settings.h"
#include "support/mounts.h"
#include "support/proc.h"
#include "support/user.h"
#include "support/waiting.h"

namespace ipcdev::daemon_tests {

namespace fs = std::filesystem;

[[nodiscard]] bool is_root();

// Who is not root: whoever runs the tests, or nobody.
[[nodiscard]] uid_t ordinary_user();

// Why a file can't be served by FUSE here, or CUSE not used; empty: it can.
[[nodiscard]] std::string why_no_fuse();
[[nodiscard]] std::string why_no_cuse();

// A file's text; empty if there is none.
[[nodiscard]] std::string contents(const fs::path& path);
void make_file(const fs::path& path, const std::string& text);

class DaemonTest : public ::testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    // Empty, this test's own.
    [[nodiscard]] const fs::path& folder() const { return folder_; }
    // The FUSE file to serve, in the folder.
    [[nodiscard]] fs::path file() const { return folder_ / "ipcdev"; }
    // A folder in it that is the ordinary user's own.
    [[nodiscard]] fs::path users_folder() const;

    // ipcdevd for a FUSE file at file().
    [[nodiscard]] Command fuse_command(std::vector<std::string> options = {}) const;
    // ipcdevd as an ordinary user, whose XDG_RUNTIME_DIR is users_folder().
    [[nodiscard]] Command user_command(const std::vector<std::string>& options = {}) const;
    [[nodiscard]] fs::path users_file() const { return users_folder() / "ipcdev"; }

  private:
    std::string name_;
    fs::path folder_;
};

// Where a FUSE file can be served.
class FuseTest : public DaemonTest {
  protected:
    void SetUp() override;
};

// The same for tests that prepare mounts, devices or other users.
class RootTest : public FuseTest {
  protected:
    void SetUp() override;
};

// For an ordinary user, whoever runs the tests.
class UserTest : public FuseTest {};

// By both transports: the parameter is "Fuse" or "Cuse".
class EachTransport : public DaemonTest, public ::testing::WithParamInterface<std::string> {
  protected:
    void SetUp() override;

    [[nodiscard]] bool by_cuse() const { return GetParam() == "Cuse"; }
    [[nodiscard]] fs::path device() const;
    [[nodiscard]] Command command(std::vector<std::string> options = {}) const;
};

#define IPCDEV_EACH_TRANSPORT(suite)                                                               \
    INSTANTIATE_TEST_SUITE_P(By, suite, ::testing::Values("Fuse", "Cuse"),                         \
                             [](const auto& which) { return which.param; })

// Neither a mount nor a file.
void expect_nothing_at(const fs::path& path);

// Status 1, one line on stderr from the daemon's log, with each of the words in it.
void expect_refusal(const Outcome& outcome, const std::vector<std::string>& words);

// The process that takes the daemon's mount off at the end; 0: it has none.
[[nodiscard]] pid_t unmounter_of(const Daemon& daemon);

// With --keep: the process that serves now, 0 if there is none; and the one after `before`.
[[nodiscard]] pid_t server_of(const Process& daemon);
[[nodiscard]] pid_t next_server_of(const Process& daemon, pid_t before);

// SIGKILL for both, the unmounter first, so that nobody cleans up.
void kill_with_unmounter(Daemon& daemon);

// Waits for the end: status 1, and the sentence names another ipcdevd as the reason.
void expect_refusal_of_another(Program& daemon);

} // namespace ipcdev::daemon_tests
