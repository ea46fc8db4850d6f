// SPDX-License-Identifier: MIT
//
// What stands where the device is to be served is never touched, and the
// sentence says what it is and what to do.
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture.h"

namespace ipcdev::daemon_tests {

namespace {

// The socket that root's ipcdevd mounts on.
void make_placeholder(const fs::path& path) {
    ASSERT_EQ(mknod(path.c_str(), S_IFSOCK, 0), 0);
}

// All that could change of a file that somebody has touched.
struct Identity {
    explicit Identity(const fs::path& path)
        : text(fs::is_regular_file(path) ? contents(path) : "") {
        EXPECT_EQ(lstat(path.c_str(), &file), 0);
    }
    bool operator==(const Identity& other) const {
        return file.st_ino == other.file.st_ino && file.st_mode == other.file.st_mode &&
               file.st_size == other.file.st_size && file.st_uid == other.file.st_uid &&
               file.st_nlink == other.file.st_nlink &&
               file.st_mtim.tv_sec == other.file.st_mtim.tv_sec &&
               file.st_mtim.tv_nsec == other.file.st_mtim.tv_nsec && text == other.text;
    }

    struct stat file {};
    std::string text;
};

class Occupied : public FuseTest {
  protected:
    void expect_refusal_untouched(const std::vector<std::string>& words) const {
        const Identity before(file());
        expect_refusal(run(fuse_command()), words);
        EXPECT_TRUE(before == Identity(file())) << "it was touched";
        EXPECT_FALSE(is_mount_point(file()));
    }
};

TEST_F(Occupied, ByAFileThatAnEarlyEchoMade) {
    make_file(file(), "hello\n");
    expect_refusal_untouched({file().string() + " is a regular file of 6 bytes, as a shell makes "
                                                "it when something is written before",
                              "'rm " + file().string() + "'", "--name or --path"});
}

TEST_F(Occupied, ByAnEmptyFile) {
    make_file(file(), "");
    expect_refusal_untouched({"is a regular file of 0 bytes"});
}

TEST_F(Occupied, ByASocketForNobodyThatHasAnotherName) {
    make_placeholder(file());
    fs::create_hard_link(file(), folder() / "other");
    expect_refusal_untouched({"is a socket, which no ipcdevd has made"});
}

TEST_F(Occupied, ByAnEmptyWriteOnlyFile) {
    make_file(file(), "");
    fs::permissions(file(), fs::perms{0200});
    expect_refusal_untouched({"is a regular file of 0 bytes"});
}

TEST_F(Occupied, ByAWriteOnlyFileWithSomethingInIt) {
    make_file(file(), "secret");
    fs::permissions(file(), fs::perms{0200});
    expect_refusal_untouched({"is a regular file of 6 bytes"});
}

TEST_F(Occupied, ByAFolder) {
    fs::create_directory(file());
    expect_refusal_untouched({file().string() + " is a folder", "Choose another --name or --path"});
}

TEST_F(Occupied, ByASymbolicLinkThatIsNotFollowed) {
    const auto target = folder() / "target";
    make_file(target, "");
    fs::permissions(target, fs::perms{0200});
    const Identity before(target);
    fs::create_symlink(target, file());
    expect_refusal_untouched({file().string() + " is a symbolic link"});
    EXPECT_TRUE(before == Identity(target));
}

TEST_F(Occupied, ByADanglingSymbolicLink) {
    const auto target = folder() / "target";
    fs::create_symlink(target, file());
    expect_refusal(run(fuse_command()), {file().string() + " is a symbolic link"});
    expect_nothing_at(target);
}

TEST_F(Occupied, ByAFifoWithoutWaitingForItsOtherEnd) {
    ASSERT_EQ(mkfifo(file().c_str(), 0200), 0);
    expect_refusal_untouched({file().string() + " is a named pipe"});
}

TEST_F(Occupied, ByASocket) {
    const Descriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
    file().string().copy(name.sun_path, sizeof(name.sun_path) - 1);
    ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
    expect_refusal_untouched({file().string() + " is a socket"});
}

TEST_F(Occupied, ByAnIpcdevdThatServesIt) {
    Daemon first(fuse_command());
    const Descriptor device = open_device(file());
    ASSERT_EQ(write_all(device, "kept"), 0);
    expect_refusal(run(fuse_command()), {file().string() + " is served already, as a FUSE file",
                                         "Stop that ipcdevd", "--name or --path"});
    EXPECT_EQ(read_some(device), "kept");
    EXPECT_EQ(first.stop(), 0);
    expect_nothing_at(file());
}

TEST_F(Occupied, ByThePathOfTheSameFileThroughASymbolicLink) {
    Daemon first(fuse_command());
    fs::create_directory_symlink(folder(), folder() / "link");
    const auto path = (folder() / "link" / "ipcdev").string();
    expect_refusal(run(daemon_command({"--path", path})), {"is served already"});
}

TEST_F(Occupied, NotByWhatAnIpcdevdThatIsGoneHasMountedOn) {
    if (is_root()) {
        make_placeholder(file());
    }
    fs::create_directory(folder() / ".ipcdev.ipcdevd");
    fs::permissions(folder() / ".ipcdev.ipcdevd", fs::perms::owner_all);
    Daemon daemon(fuse_command());
    EXPECT_TRUE(passes_messages(file()));
    EXPECT_EQ(daemon.stop(), 0);
    expect_nothing_at(file());
}

TEST_F(Occupied, NotByAnUmaskThatWouldHideTheFileFromItsMaker) {
    Command started = fuse_command();
    started.before_exec = [] { umask(0777); };
    Daemon daemon(started);
    EXPECT_TRUE(passes_messages(file()));
    EXPECT_EQ(daemon.stop(), 0);
    expect_nothing_at(file());
}

class OccupiedForRoot : public RootTest {};

TEST_F(OccupiedForRoot, ByACharacterDevice) {
    ASSERT_EQ(mknod(file().c_str(), S_IFCHR | 0600, makedev(1, 3)), 0);
    const Identity before(file());
    expect_refusal(run(fuse_command()),
                   {file().string() + " is a character device: it is served already, by CUSE or by "
                                      "a kernel module",
                    "Stop that server"});
    EXPECT_TRUE(before == Identity(file()));
}

TEST_F(OccupiedForRoot, ByAnotherFileSystemOnAFolder) {
    fs::create_directory(file());
    ASSERT_EQ(mount("somebody", file().c_str(), "tmpfs", 0, nullptr), 0);
    make_file(file() / "inside", "kept");
    expect_refusal(run(fuse_command()), {file().string() + " is a mount point of something else",
                                         "Choose another --name or --path"});
    EXPECT_EQ(contents(file() / "inside"), "kept");
}

TEST_F(OccupiedForRoot, ByAFileThatIsBoundThere) {
    make_file(folder() / "other", "kept");
    make_file(file(), "");
    fs::permissions(file(), fs::perms{0200});
    ASSERT_EQ(mount((folder() / "other").c_str(), file().c_str(), nullptr, MS_BIND, nullptr), 0);
    expect_refusal(run(fuse_command()), {file().string() + " is a mount point of something else"});
    EXPECT_EQ(contents(folder() / "other"), "kept");
}

TEST_F(OccupiedForRoot, ByAFileMountedOverAnIpcdevd) {
    Daemon first(fuse_command());
    make_file(folder() / "other", "kept");
    ASSERT_EQ(mount((folder() / "other").c_str(), file().c_str(), nullptr, MS_BIND, nullptr), 0);
    expect_refusal(run(fuse_command()), {file().string() + " is a mount point of something else"});
    ASSERT_EQ(umount(file().c_str()), 0);
    EXPECT_TRUE(passes_messages(file()));
}

TEST_F(OccupiedForRoot, ByASocketForNobodyOfAnotherUser) {
    make_placeholder(file());
    ASSERT_EQ(chown(file().c_str(), ordinary_user(), ordinary_user()), 0);
    const Identity before(file());
    expect_refusal(run(fuse_command()), {"is a socket, which no ipcdevd has made"});
    EXPECT_TRUE(before == Identity(file()));
}

// The folder beside the path, in which an ipcdevd has its lock.
TEST_F(Occupied, ByAFileWhereItsFolderIsToBe) {
    make_file(folder() / ".ipcdev.ipcdevd", "kept");
    expect_refusal(run(fuse_command()), {".ipcdev.ipcdevd is not the folder that an ipcdevd makes",
                                         "Remove it, or choose another"});
    EXPECT_EQ(contents(folder() / ".ipcdev.ipcdevd"), "kept");
    expect_nothing_at(file());
}

TEST_F(Occupied, ByItsFolderIfOthersMayEnterIt) {
    fs::create_directory(folder() / ".ipcdev.ipcdevd");
    fs::permissions(folder() / ".ipcdev.ipcdevd", fs::perms{0755});
    expect_refusal(run(fuse_command()), {".ipcdev.ipcdevd is open to others"});
    expect_nothing_at(file());
}

TEST_F(OccupiedForRoot, ByItsFolderIfThatIsAnotherUsers) {
    const auto hidden = folder() / ".ipcdev.ipcdevd";
    fs::create_directory(hidden);
    fs::permissions(hidden, fs::perms::owner_all);
    ASSERT_EQ(chown(hidden.c_str(), ordinary_user(), ordinary_user()), 0);
    expect_refusal(run(fuse_command()), {"by an ipcdevd of user " + std::to_string(ordinary_user()),
                                         hidden.string() + " is that user's"});
    EXPECT_TRUE(fs::exists(hidden));
    expect_nothing_at(file());
}

} // namespace

} // namespace ipcdev::daemon_tests
