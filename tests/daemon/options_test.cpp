// SPDX-License-Identifier: MIT
//
// The command line, the environment and the configuration file.
#include <sys/stat.h>

#include <algorithm>

#include "fixture.h"

namespace ipcdev::daemon_tests {

namespace {

struct Mistake {
    std::string name;
    std::vector<std::string> options;
    std::string sentence; // how it begins
    std::vector<std::string> environment{};

    friend std::ostream& operator<<(std::ostream& out, const Mistake& mistake) {
        return out << mistake.name;
    }
};

class WrongOptions : public DaemonTest, public ::testing::WithParamInterface<Mistake> {};

TEST_P(WrongOptions, EndWithOneSentenceAndStatus2BeforeAnythingIsMade) {
    Command command = daemon_command(GetParam().options);
    command.environment = GetParam().environment;
    const bool by_cuse = std::ranges::find(command.arguments, "cuse") != command.arguments.end();
    if (!by_cuse) {
        command.arguments.insert(command.arguments.begin() + 1, {"--path", file()});
    }
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(outcome.errors.find("ipcdevd: " + GetParam().sentence), 0U) << outcome.errors;
    EXPECT_EQ(std::ranges::count(outcome.errors, '\n'), 1) << outcome.errors;
    EXPECT_TRUE(outcome.errors.ends_with("'ipcdevd --help' lists the options.\n"))
        << outcome.errors;
    expect_nothing_at(file());
}

const std::string long_name(64, 'n');
const std::string name_rule =
    "--name: must be 1 to 63 letters, digits, '.', '_' or '-', beginning with a letter or digit, ";

INSTANTIATE_TEST_SUITE_P(
    All, WrongOptions,
    ::testing::Values(
        Mistake{"UnknownOption", {"--dept", "5"}, "The following arguments were not expected: "},
        Mistake{"StrayWord", {"ipcdev"}, "The following argument was not expected: ipcdev"},
        Mistake{"MissingValue", {"--depth"}, "--depth: "},
        Mistake{"ValueTwice", {"--depth", "5", "--depth", "6"}, "--depth: "},
        Mistake{"NameWithASlash", {"--name", "a/b"}, name_rule + "not 'a/b'"},
        Mistake{"NameIsTheFolderAbove", {"--name", ".."}, name_rule + "not '..'"},
        Mistake{"NameBeginsWithADash", {"--name=-x"}, name_rule + "not '-x'"},
        Mistake{"NameWithASpace", {"--name", "a b"}, name_rule + "not 'a b'"},
        Mistake{"NameIsEmpty", {"--name", ""}, name_rule + "not ''"},
        Mistake{"NameIsTooLong", {"--name", long_name}, name_rule + "not '" + long_name + "'"},
        Mistake{"Mode", {"--mode", "lifo"}, "--mode: must be one of fifo, ring, slot, not 'lifo'"},
        Mistake{"DepthZero", {"--depth", "0"}, "--depth: must be 1 to 65536 messages, not '0'"},
        Mistake{"DepthTooLarge", {"--depth", "65537"}, "--depth: must be 1 to 65536 messages"},
        Mistake{"DepthBeyond32Bits", {"--depth", "4294967297"}, "--depth: must be 1 to 65536"},
        Mistake{"DepthNegative", {"--depth=-1"}, "--depth: must be 1 to 65536 messages, not '-1'"},
        Mistake{"DepthIsAWord", {"--depth", "many"}, "--depth: must be 1 to 65536 messages"},
        Mistake{"DepthWithAUnit", {"--depth", "4k"}, "--depth: must be 1 to 65536 messages"},
        Mistake{"MessageZero", {"--max-message", "0"}, "--max-message: must be 1 to 65536 bytes"},
        Mistake{"MessageTooLarge",
                {"--max-message", "65537"},
                "--max-message: must be 1 to 65536 bytes, not '65537'"},
        Mistake{"QueueTooLarge",
                {"--depth", "4097", "--max-message", "65536"},
                "--depth times --max-message may be at most 268435456 bytes (256 MiB)"},
        Mistake{"SlotWithADepth",
                {"--mode", "slot", "--depth", "2"},
                "--depth: a slot holds one message; leave it out, or use --mode ring or fifo"},
        Mistake{"PermissionsNotOctal",
                {"--permissions", "0680"},
                "--permissions: must be octal, 0000 to 0777, not '0680'"},
        Mistake{"PermissionsWithSetuid",
                {"--permissions", "4755"},
                "--permissions: must be octal, 0000 to 0777, not '4755'"},
        Mistake{"PermissionsAsLetters", {"--permissions", "rw"}, "--permissions: must be octal"},
        Mistake{"UnknownOwner",
                {"--owner", "no-such-user"},
                "--owner: there is no user 'no-such-user'"},
        Mistake{"OwnerThatMeansNobodyAtAll",
                {"--owner", "4294967295"},
                "--owner: there is no user '4294967295'"},
        Mistake{"UnknownGroup",
                {"--group", "no-such-group"},
                "--group: there is no group 'no-such-group'"},
        Mistake{"OwnerIsEmpty", {"--owner", ""}, "--owner: must not be empty"},
        Mistake{"GroupIsEmpty", {"--group", ""}, "--group: must not be empty"},
        Mistake{"GroupThatMeansNobodyAtAll",
                {"--group", "4294967295"},
                "--group: there is no group '4294967295'"},
        Mistake{"Transport",
                {"--transport", "pigeon"},
                "--transport: must be one of auto, cuse, fuse, not 'pigeon'"},
        Mistake{"PathWithCuse",
                {"--transport", "cuse", "--path", "/tmp/ipcdev"},
                "--path is for the FUSE file; CUSE serves /dev/NAME: use --name"},
        Mistake{"ForegroundAndBackground",
                {"--foreground", "--background"},
                "--foreground excludes --background"},
        Mistake{"CpuIsAWord",
                {"--cpu", "all"},
                "--cpu: must be 0 to 1023 (a processor's number), not 'all'"},
        Mistake{"CpuNegative", {"--cpu=-1"}, "--cpu: must be 0 to 1023"},
        Mistake{"CpuTooLarge", {"--cpu", "1024"}, "--cpu: must be 0 to 1023"},
        Mistake{"SpinNegative", {"--spin-us=-1"}, "--spin-us: must be 0 to 1000000 microseconds"},
        Mistake{"SpinTooLong",
                {"--spin-us", "1000001"},
                "--spin-us: must be 0 to 1000000 microseconds, not '1000001'"},
        Mistake{"SpinWithAUnit", {"--spin-us", "5ms"}, "--spin-us: must be 0 to 1000000"},
        Mistake{"LogLevel",
                {"--log-level", "loud"},
                "--log-level: must be one of trace, debug, info, warn, error, off, not 'loud'"},
        Mistake{"MissingConfiguration", {"--config", "/no/such/file"}, "/no/such/file was not "},
        Mistake{"ConfigurationIsAFolder", {"--config", "/"}, "/ was not readable"},
        Mistake{"InTheEnvironment",
                {},
                "--depth: must be 1 to 65536 messages, not 'x'",
                {"IPCDEV_DEPTH=x"}},
        Mistake{"EnvironmentAgainstOption",
                {"--depth", "2"},
                "--depth: a slot holds one message",
                {"IPCDEV_MODE=slot"}}),
    [](const auto& mistake) { return mistake.param.name; });

class Options : public FuseTest {
  protected:
    [[nodiscard]] Outcome run_with_configuration(const std::string& text) const {
        const auto configuration = folder() / "ipcdevd.ini";
        make_file(configuration, text);
        return run(fuse_command({"--config", configuration}));
    }
};

TEST_F(Options, AnEmptyPathIsAMistakeAndNotTheDefault) {
    const Outcome outcome = run(daemon_command({"--path", "", "--name", "ipcdev-never-served"}));
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.errors.find("ipcdevd: --path: "), 0U) << outcome.errors;
}

TEST_F(Options, AWrongValueInTheConfigurationEndsWithStatus2) {
    const Outcome outcome = run_with_configuration("depth=0\n");
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.errors.find("ipcdevd: --depth: must be 1 to 65536 messages, not '0'"), 0U)
        << outcome.errors;
}

TEST_F(Options, AMisspeltNameInTheConfigurationIsNotIgnored) {
    const Outcome outcome = run_with_configuration("path=/nowhere/ipcdev\ndept=5\n");
    EXPECT_EQ(outcome.status, 2);
    EXPECT_NE(outcome.errors.find("dept"), std::string::npos) << outcome.errors;
}

TEST_F(Options, HelpNamesEveryOptionAndExitsWith0) {
    const Outcome outcome = run(daemon_command({"--help"}));
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.errors, "");
    for (const char* option :
         {"--help", "--version", "--config", "--name", "--mode", "--depth", "--max-message",
          "--permissions", "--owner", "--group", "--transport", "--path", "--foreground",
          "--background", "--cpu", "--spin-us", "--log-level", "IPCDEV_MAX_MESSAGE"}) {
        EXPECT_NE(outcome.output.find(option), std::string::npos) << option;
    }
}

// As --help says: each but those that can't be in the environment.
TEST_F(Options, HelpNamesTheVariableOfEachOptionThatHasOne) {
    const std::string help = run(daemon_command({"--help"})).output;
    for (const std::string variable :
         {"NAME", "MODE", "DEPTH", "MAX_MESSAGE", "PERMISSIONS", "OWNER", "GROUP", "TRANSPORT",
          "PATH", "CPU", "SPIN_US", "LOG_LEVEL"}) {
        EXPECT_NE(help.find("(Env:IPCDEV_" + variable + ")"), std::string::npos) << variable;
    }
    EXPECT_NE(help.find("All options except --config, --foreground and --background"),
              std::string::npos);
}

TEST_F(Options, VersionIsOneLineAndExitsWith0) {
    const Outcome outcome = run(daemon_command({"--version"}));
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.errors, "");
    EXPECT_TRUE(outcome.output.starts_with("ipcdevd ")) << outcome.output;
    EXPECT_EQ(std::ranges::count(outcome.output, '\n'), 1);
}

TEST_F(Options, ThePlainDefaultsAreThoseOfTheContract) {
    Daemon daemon(fuse_command());
    const auto now = info(open_device(file()));
    EXPECT_EQ(now.mode, static_cast<__u32>(IPCDEV_MODE_FIFO));
    EXPECT_EQ(now.depth, 64U);
    EXPECT_EQ(now.max_message, 4096U);
    EXPECT_EQ(fs::status(file()).permissions(), fs::perms{0600});
}

TEST_F(Options, TheLargestQueueIsServed) {
    Daemon daemon(fuse_command({"--depth", "4096", "--max-message", "65536"}));
    const auto now = info(open_device(file()));
    EXPECT_EQ(now.depth, 4096U);
    EXPECT_EQ(now.max_message, 65536U);
}

TEST_F(Options, ASlotIsServedWithDepth1) {
    Daemon daemon(fuse_command({"--mode", "slot"}));
    const auto now = info(open_device(file()));
    EXPECT_EQ(now.mode, static_cast<__u32>(IPCDEV_MODE_SLOT));
    EXPECT_EQ(now.depth, 1U);
}

TEST_F(Options, ARingIsServedWithADepth) {
    Daemon daemon(fuse_command({"--mode", "ring", "--depth", "3"}));
    const auto now = info(open_device(file()));
    EXPECT_EQ(now.mode, static_cast<__u32>(IPCDEV_MODE_RING));
    EXPECT_EQ(now.depth, 3U);
}

TEST_F(Options, TheEnvironmentSetsEachOption) {
    Command command = daemon_command({});
    command.environment = {
        "IPCDEV_PATH=" + file().string(), "IPCDEV_DEPTH=7",        "IPCDEV_MAX_MESSAGE=99",
        "IPCDEV_PERMISSIONS=0640",        "IPCDEV_TRANSPORT=fuse", "IPCDEV_MODE=fifo",
        "IPCDEV_LOG_LEVEL=debug",         "IPCDEV_GROUP=0",        "IPCDEV_NAME=unused"};
    Daemon daemon(command);
    const auto now = info(open_device(file()));
    EXPECT_EQ(now.depth, 7U);
    EXPECT_EQ(now.max_message, 99U);
    struct stat served {};
    ASSERT_EQ(stat(file().c_str(), &served), 0);
    EXPECT_EQ(served.st_mode & 07777U, 0640U);
    EXPECT_EQ(served.st_gid, 0U);
}

TEST_F(Options, AnEmptyVariableIsAsGoodAsNone) {
    Command command = fuse_command();
    command.environment = {"IPCDEV_DEPTH="};
    Daemon daemon(command);
    EXPECT_EQ(info(open_device(file())).depth, 64U);
}

TEST_F(Options, TheConfigurationSetsEachOption) {
    const auto configuration = folder() / "ipcdevd.ini";
    make_file(configuration, "# a comment\npath=" + file().string() +
                                 "\nmode=slot\nmax-message=77\npermissions=\"0622\"\n");
    Daemon daemon(daemon_command({"--config", configuration}));
    const auto now = info(open_device(file()));
    EXPECT_EQ(now.mode, static_cast<__u32>(IPCDEV_MODE_SLOT));
    EXPECT_EQ(now.max_message, 77U);
    EXPECT_EQ(fs::status(file()).permissions(), fs::perms{0622});
}

TEST_F(Options, TheCommandLineBeatsTheConfigurationWhichBeatsTheEnvironment) {
    const auto configuration = folder() / "ipcdevd.ini";
    make_file(configuration, "depth=2\nmax-message=2\n");
    Command command = fuse_command({"--config", configuration, "--depth", "3"});
    command.environment = {"IPCDEV_DEPTH=1", "IPCDEV_MAX_MESSAGE=1", "IPCDEV_PERMISSIONS=0611"};
    Daemon daemon(command);
    const auto now = info(open_device(file()));
    EXPECT_EQ(now.depth, 3U);
    EXPECT_EQ(now.max_message, 2U);
    EXPECT_EQ(fs::status(file()).permissions(), fs::perms{0611});
}

} // namespace

} // namespace ipcdev::daemon_tests
