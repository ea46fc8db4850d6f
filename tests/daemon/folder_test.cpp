// SPDX-License-Identifier: MIT
//
// Root serves only where nobody else can put something in the place of what it uses:
// else it could be made to cover, or take off, whatever somebody else chooses.
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

namespace ipcdev::daemon_tests {

namespace {

class FolderForRoot : public RootTest {
  protected:
    [[nodiscard]] fs::path place() const { return folder() / "place"; }
    [[nodiscard]] Command command() const { return daemon_command({"--path", place() / "ipcdev"}); }
    void make_place(mode_t permissions, uid_t owner = 0) const {
        fs::create_directories(place());
        ASSERT_EQ(chown(place().c_str(), owner, 0), 0);
        ASSERT_EQ(chmod(place().c_str(), permissions), 0);
    }
    void expect_refusal_as(const std::string& why) const {
        expect_refusal(run(command()), {place().string() + " " + why,
                                        "Give a --path in folders that only root may write"});
        EXPECT_TRUE(fs::is_empty(place()));
    }
    void expect_service() const {
        Daemon daemon(command());
        EXPECT_TRUE(passes_messages(place() / "ipcdev"));
        EXPECT_EQ(daemon.stop(), 0);
        EXPECT_TRUE(fs::is_empty(place()));
    }
};

TEST_F(FolderForRoot, IsNotOneOfAnotherUser) {
    make_place(0700, ordinary_user());
    expect_refusal_as("belongs to user " + std::to_string(ordinary_user()));
}

TEST_F(FolderForRoot, IsNotOneThatOthersMayWrite) {
    make_place(0777);
    expect_refusal_as("may be written by others");
}

TEST_F(FolderForRoot, IsNotOneThatItsGroupMayWrite) {
    make_place(0775);
    expect_refusal_as("may be written by others");
}

TEST_F(FolderForRoot, IsNotOneInAnotherUsersFolder) {
    make_place(0755, ordinary_user());
    const auto inner = place() / "inner";
    fs::create_directory(inner);
    expect_refusal(run(daemon_command({"--path", inner / "ipcdev"})),
                   {place().string() + " belongs to user"});
    EXPECT_TRUE(fs::is_empty(inner));
}

TEST_F(FolderForRoot, IsNotOneToWhichALinkLeadsEither) {
    make_place(0777);
    fs::create_directory_symlink(place(), folder() / "link");
    expect_refusal(run(daemon_command({"--path", folder() / "link" / "ipcdev"})),
                   {place().string() + " may be written by others"});
}

TEST_F(FolderForRoot, IsOneThatIsRootsAlone) {
    make_place(0700);
    expect_service();
}

TEST_F(FolderForRoot, IsOneInWhichOthersCanTakeNothingAway) {
    make_place(01777); // as /tmp
    expect_service();
}

// The folder by which it went is the one that is used, whoever has its name now.
TEST_F(FolderForRoot, IsTheSameAtTheEnd) {
    make_place(0700);
    const auto other = folder() / "other";
    Daemon daemon(command());
    fs::rename(place(), other);
    make_place(0700);
    make_file(place() / "ipcdev", "somebody's");
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(contents(place() / "ipcdev"), "somebody's");
    EXPECT_TRUE(fs::is_empty(other));
}

// The root of a user namespace, as in a container without root: who shows as nobody
// in there is somebody outside.
TEST_F(FolderForRoot, IsOneOfTheRootOutsideForTheRootOfAUserNamespace) {
    Command started = user_command({"--path", users_file()});
    started.arguments.insert(started.arguments.begin(), {"unshare", "-U", "-r", "-m", "--"});
    const Outcome able =
        run({.arguments = {"unshare", "-U", "-r", "-m", "true"}, .user = ordinary_user()});
    if (able.status != 0) {
        GTEST_SKIP() << "an ordinary user may not make namespaces here: " << able.errors;
    }
    const Outcome outcome = run(started); // the mount is seen in there only
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    EXPECT_NE(outcome.errors.find("ready: " + users_file().string()), std::string::npos)
        << outcome.errors;
    EXPECT_TRUE(fs::is_empty(users_folder()));
}

} // namespace

} // namespace ipcdev::daemon_tests
