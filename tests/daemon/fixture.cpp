// SPDX-License-Identifier: MIT
#include "fixture.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

#include "sandbox.h"
#include "support/watchdog.h"

namespace ipcdev::daemon_tests {

namespace {

constexpr uid_t nobody = 65534;

// Opened by hand, in a child so that no descriptor of the tests is held.
std::string why_not_open(const char* device) {
    const int error = run_as(geteuid(), [&] { return try_open(device); });
    return error == 0 ? "" : std::string(device) + " can't be opened here: " + strerror(error);
}

void unmount_everything_in(const fs::path& folder) {
    auto all = mounts();
    std::ranges::reverse(all);
    for (const Mount& mount : all) {
        if ((mount.path.string() + "/").starts_with(folder.string() + "/")) {
            unmount(mount.path);
        }
    }
}

// Folders that nobody may enter hinder only who isn't root.
void make_removable(const fs::path& folder) {
    fs::permissions(folder, fs::perms::owner_all);
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (fs::is_directory(entry.symlink_status())) {
            make_removable(entry);
        }
    }
}

// A background daemon that could not serve ends a little after its parent, and
// so does the fusermount3 of one that was killed.
bool no_child_is_left() {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    return errno == ECHILD;
}

} // namespace

bool is_root() {
    return geteuid() == 0;
}

uid_t ordinary_user() {
    return is_root() ? nobody : geteuid();
}

std::string why_no_fuse() {
    return why_not_open("/dev/fuse");
}

std::string why_no_cuse() {
    return why_not_open("/dev/cuse");
}

std::string contents(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

void make_file(const fs::path& path, const std::string& text) {
    std::ofstream(path) << text;
}

void DaemonTest::SetUp() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    name_ = std::string(test->test_suite_name()) + "." + test->name();
    watchdog::arm(name_.c_str());
    static int number = 0;
    folder_ = scratch() / ("test-" + std::to_string(++number));
    const auto users = folder_ / "user";
    fs::create_directories(users);
    if (is_root() && chown(users.c_str(), nobody, nobody) == -1) {
        FAIL() << strerror(errno);
    }
    fs::permissions(users, fs::perms::owner_all);
}

void DaemonTest::TearDown() {
    EXPECT_FALSE(watchdog::expired()) << "the test took too long, see the watchdog's line";
    unmount_everything_in(folder_);
    // Until the watchdog, if one stays. The unmounter of a daemon that was killed removes
    // files in there too.
    wait_until(no_child_is_left);
    if (!is_root()) {
        make_removable(folder_);
    }
    fs::remove_all(folder_);
    watchdog::disarm();
}

fs::path DaemonTest::users_folder() const {
    return folder_ / "user";
}

Command DaemonTest::fuse_command(std::vector<std::string> options) const {
    options.insert(options.begin(), {"--path", file()});
    return daemon_command(options);
}

Command DaemonTest::user_command(const std::vector<std::string>& options) const {
    Command command = daemon_command(options);
    command.arguments.insert(command.arguments.begin() + 1, {"--transport", "fuse"});
    command.environment = {"XDG_RUNTIME_DIR=" + users_folder().string()};
    command.user = ordinary_user();
    return command;
}

void FuseTest::SetUp() {
    DaemonTest::SetUp();
    if (const auto reason = why_no_fuse(); !reason.empty()) {
        GTEST_SKIP() << reason;
    }
}

void RootTest::SetUp() {
    FuseTest::SetUp();
    if (!in_sandbox()) {
        GTEST_SKIP() << "needs root with the right to make namespaces, to prepare the case";
    }
}

void EachTransport::SetUp() {
    DaemonTest::SetUp();
    if (const auto reason = by_cuse() ? why_no_cuse() : why_no_fuse(); !reason.empty()) {
        GTEST_SKIP() << reason;
    }
}

fs::path EachTransport::device() const {
    // Other runs of the tests may share this kernel.
    const std::string scratch_name = scratch().filename();
    const std::string unique = scratch_name.substr(scratch_name.size() - 6);
    return by_cuse() ? fs::path("/dev/ipcdev-test-" + unique) : file();
}

Command EachTransport::command(std::vector<std::string> options) const {
    if (by_cuse()) {
        options.insert(options.begin(),
                       {"--transport", "cuse", "--name", device().filename().string()});
        return daemon_command(options);
    }
    return fuse_command(options);
}

void expect_nothing_at(const fs::path& path) {
    struct stat file {};
    EXPECT_TRUE(lstat(path.c_str(), &file) == -1 && errno == ENOENT) << path << " was left";
    EXPECT_FALSE(is_mount_point(path)) << "a mount was left on " << path;
}

void expect_refusal(const Outcome& outcome, const std::vector<std::string>& words) {
    EXPECT_EQ(outcome.status, 1) << outcome.errors;
    EXPECT_EQ(outcome.output, "");
    std::string sentence;
    std::istringstream lines(outcome.errors);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("ipcdevd: error: ")) {
            sentence = line; // the last word is the daemon's own, after libfuse's
        }
    }
    for (const std::string& word : words) {
        EXPECT_NE(sentence.find(word), std::string::npos)
            << "'" << word << "' is missing in: " << outcome.errors;
    }
}

namespace {

pid_t child_of(const Process& daemon, const std::string& program) {
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        if (name.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        const auto pid = static_cast<pid_t>(std::stol(name));
        if (proc_line(pid, "status", "PPid") == std::to_string(daemon.pid()) &&
            proc_line(pid, "status", "Name") == program &&
            !proc_line(pid, "status", "State").starts_with("Z")) {
            return pid;
        }
    }
    return 0;
}

} // namespace

pid_t unmounter_of(const Daemon& daemon) {
    return child_of(daemon, "ipcdevd-unmount");
}

pid_t server_of(const Process& daemon) {
    return child_of(daemon, "ipcdevd");
}

pid_t next_server_of(const Process& daemon, pid_t before) {
    pid_t server = 0;
    wait_until([&] {
        server = server_of(daemon);
        return server != 0 && server != before;
    });
    return server;
}

void kill_with_unmounter(Daemon& daemon) {
    if (const pid_t unmounter = unmounter_of(daemon); unmounter != 0) {
        kill(unmounter, SIGKILL);
        wait_until([&] { return proc_line(unmounter, "status", "State").starts_with("Z"); });
    }
    daemon.kill();
}

void expect_refusal_of_another(Program& daemon) {
    EXPECT_EQ(daemon.wait(), 1);
    const std::string errors = daemon.errors();
    const std::vector<std::string> reasons{"is served already", "started at the same time",
                                           "is being changed by someone else; try again"};
    EXPECT_TRUE(std::ranges::any_of(reasons, [&](const std::string& reason) {
        return errors.find(reason) != std::string::npos;
    })) << errors;
}

} // namespace ipcdev::daemon_tests
