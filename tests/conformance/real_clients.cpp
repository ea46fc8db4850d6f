// SPDX-License-Identifier: MIT
//
// Programs that know nothing of the device: the ones people reach for first. In
// each test they move data between two processes.
#include <algorithm>
#include <csignal>
#include <cstdlib>

#include <unistd.h>

#include "options.h"
#include "program_test.h"

namespace ipcdev::conformance {
namespace {

class RealClients : public ProgramTest {};

// `count` lines, each with its number.
std::string numbered_lines(int count) {
    std::string lines;
    for (int i = 1; i <= count; ++i) {
        lines += std::to_string(i) + "\n";
    }
    return lines;
}

TEST_F(RealClients, CatPrintsWhatEchoWrites) {
    contract("W2", "R2");
    Program cat = run("exec cat {device}");
    ends_well(run("echo hello > {device}"));
    arrives(cat, "hello\n");
    ends_well(run("echo again > {device}"));
    ends_well(run("echo and again >> {device}"));
    arrives(cat, "hello\nagain\nand again\n");
    EXPECT_FALSE(cat.ended()) << "there is no end of file";
}

TEST_F(RealClients, TwoCatsShareTheMessagesAndNeitherEnds) {
    contract("R2", "R6");
    Program first = run("exec cat {device}");
    Program second = run("exec cat {device}");
    wait_parked_readers(2);
    ends_well(run("echo 1 > {device}; echo 2 > {device}; echo 3 > {device}; echo 4 > {device}"));
    wait_until([&] { return first.output().size() + second.output().size() >= 8; });
    wait_parked_readers(2);
    EXPECT_FALSE(first.ended());
    EXPECT_FALSE(second.ended());
}

TEST_F(RealClients, CatWritesAFileThatFitsAsOneMessage) {
    contract("W2");
    Program cat = run("exec cat > {device}", pattern(4096));
    ends_well(cat);
    expect_queued(1, 4096);
    Program head = run("exec head -c 4096 {device}");
    ends_well(head);
    EXPECT_EQ(head.output(), pattern(4096));
}

TEST_F(RealClients, CatOfAFileThatDoesNotFitSaysSo) {
    contract("W4");
    Program cat = run("exec cat > {device}", pattern(4097));
    EXPECT_EQ(cat.wait(), EXIT_FAILURE);
    EXPECT_NE(cat.errors().find("Message too long"), std::string::npos) << cat.errors();
    expect_queued(0, 0);
}

TEST_F(RealClients, HeadTakesTheBytesItIsAskedForAndLeavesTheRest) {
    contract("R3");
    ends_well(run("echo hello world > {device}"));
    Program head = run("exec head -c 5 {device}");
    ends_well(head);
    EXPECT_EQ(head.output(), "hello");
    expect_read(a, " world\n");
}

TEST_F(RealClients, HeadTakesWhatAProgramWritesByStdio) {
    contract("R3");
    const std::string lines = numbered_lines(5000);
    Program head = run("exec head -c " + std::to_string(lines.size()) + " {device}");
    ends_well(run("seq -f %.0f 5000 > {device}")); // by stdio, in blocks of 4,096 bytes
    ends_well(head);
    EXPECT_EQ(head.output(), lines);
    expect_queued(0, 0);
}

TEST_F(RealClients, DdMovesBlocksAsMessages) {
    contract("W2", "R2", "W5");
    const std::string data = pattern(200 * 1000);
    Program writer = run("exec dd of={device} bs=1000 status=none", data);
    wait_parked_writers(1); // 64 of 200 fit
    expect_queued(64, 64 * 1000);
    Program reader = run("exec dd if={device} bs=1000 count=200 status=none");
    ends_well(writer);
    ends_well(reader);
    EXPECT_EQ(reader.output(), data);
    expect_queued(0, 0);
}

TEST_F(RealClients, TeeWritesWhatItPrints) {
    contract("W2");
    read_parks(a);
    Program tee = run("exec tee {device}", "both ways\n");
    ends_well(tee);
    EXPECT_EQ(tee.output(), "both ways\n");
    expect_read(a, "both ways\n");
    ends_well(run("exec tee -a {device}", "appended\n"));
    Program head = run("exec head -c 9 {device}");
    ends_well(head);
    EXPECT_EQ(head.output(), "appended\n");
}

TEST_F(RealClients, SocatPassesMessagesOnInBothDirections) {
    contract("W2", "R2", "P3");
    needs("socat", "socat");
    Program reader = run("exec socat -u OPEN:{device},rdonly STDOUT");
    ends_well(run("exec socat -u STDIN OPEN:{device},wronly", "by socat\n"));
    arrives(reader, "by socat\n");
    write_ok(a, "and by a client\n");
    arrives(reader, "by socat\nand by a client\n");
}

TEST_F(RealClients, BashRedirectsToItAndReadsFromIt) {
    contract("O4", "R2");
    needs("bash", "bash");
    Program reader = run("exec bash -c 'read -r line < {device}; echo \"got $line\"'");
    wait_parked_readers(1);
    ends_well(run("exec bash -c 'echo by bash > {device}'"));
    ends_well(reader);
    EXPECT_EQ(reader.output(), "got by bash\n");
    ends_well(
        run("exec bash -c 'printf 1 > {device}; printf 2 >> {device}; echo 3 1<> {device} >&0' "
            "0<> {device}"));
    expect_read(a, "1");
    expect_read(a, "2");
    expect_read(a, "3\n");
}

// Starting Python takes long in an emulated machine, so one script does both.
constexpr auto python_script = R"(
import asyncio, os, selectors, signal, sys

device = os.open(sys.argv[1], os.O_RDWR | os.O_NONBLOCK)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})

def say(*words):
    print(*words, flush=True)

def with_selectors():
    with selectors.DefaultSelector() as selector:
        selector.register(device, selectors.EVENT_READ)
        selector.select()
        say("selectors read", os.read(device, 100).decode())
        selector.modify(device, selectors.EVENT_WRITE)
        selector.select()
        os.write(device, b"from selectors")

async def with_asyncio():
    loop = asyncio.get_running_loop()
    readable, writable = loop.create_future(), loop.create_future()
    loop.add_reader(device, lambda: (loop.remove_reader(device), readable.set_result(None)))
    say("asyncio waits")
    await readable
    say("asyncio read", os.read(device, 100).decode())
    loop.add_writer(device, lambda: (loop.remove_writer(device), writable.set_result(None)))
    await writable
    os.write(device, b"from asyncio")

with_selectors()
signal.sigwait({signal.SIGUSR1})  # what it wrote has been read
asyncio.run(with_asyncio())
)";

TEST_F(RealClients, PythonsSelectorsAndAsyncioWaitForItAndTalkThroughIt) {
    contract("P3", "P5");
    if (access("/usr/bin/python3", X_OK) != 0) {
        fail("there is no /usr/bin/python3: install the package python3", Where::here());
    }
    Program python({.arguments = {"/usr/bin/python3", "-c", python_script, options().device}});
    std::string said = "selectors read hello\n";
    write_ok(a, "hello");
    arrives(python, said);
    expect_read(b, "from selectors");
    python.signal(SIGUSR1);
    arrives(python, said += "asyncio waits\n");
    write_ok(a, "hello again");
    arrives(python, said += "asyncio read hello again\n");
    expect_read(b, "from asyncio");
    ends_well(python);
}

// `for line in file`: a line at a time, then it waits to be told to go on.
constexpr auto python_lines = R"(
import signal, sys

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
for line in open(sys.argv[1]):
    print(line, end="", flush=True)
    signal.sigwait({signal.SIGUSR1})
)";

// What is read ahead is the rest of one message, never the next message.
TEST_F(RealClients, PythonsLoopOverLinesTakesAMessageAtATime) {
    contract("R2", "R4", "H4");
    if (access("/usr/bin/python3", X_OK) != 0) {
        fail("there is no /usr/bin/python3: install the package python3", Where::here());
    }
    write_ok(a, "one\ntwo\n");
    write_ok(a, "three\nfour\n");
    write_ok(a, "five\n");
    // Without its site packages: starting it takes long in an emulated machine.
    Program python(
        {.arguments = {"/usr/bin/python3", "-I", "-S", "-c", python_lines, options().device}});
    std::string said = "one\n";
    arrives(python, said);
    expect_queued(2, 16);
    python.signal(SIGUSR1);
    arrives(python, said += "two\n"); // of its own buffer
    expect_queued(2, 16);
    python.signal(SIGUSR1);
    arrives(python, said += "three\n");
    expect_queued(1, 5);
    python.kill(); // "four" was completed to it
    expect_read(b, "five\n");
    expect_queued(0, 0);
}

TEST_F(RealClients, ManyHeadsGetALineEach) {
    contract("R4", "R6");
    const std::size_t count = options().slowness > 1 ? 4 : 30;
    std::vector<Program> heads;
    for (std::size_t i = 0; i < count; ++i) {
        heads.push_back(run("exec head -n 1 {device}"));
    }
    std::vector<std::string> sent;
    for (std::size_t i = 0; i < count; ++i) {
        sent.push_back("line " + std::to_string(i) + "\n");
        write_ok(a, sent.back());
    }
    std::vector<std::string> lines;
    bool complained = false;
    for (Program& head : heads) {
        ends_well(head);
        lines.push_back(head.output());
        complained = complained || !head.errors().empty();
    }
    std::sort(lines.begin(), lines.end());
    std::sort(sent.begin(), sent.end());
    EXPECT_EQ(lines, sent);
    if (complained) {
        EXPECT_TRUE(is_a_file());
        declared_difference("head says that it can't seek, and succeeds");
    }
}

TEST_F(RealClients, HeadTakesAMessageAndPrintsItsFirstLine) {
    contract("R2", "N7");
    write_ok(a, "first line\nsecond line\n");
    write_ok(a, "next message\n");
    Program head = run("exec head -n 1 {device}");
    ends_well(head);
    EXPECT_EQ(head.output(), "first line\n");
    expect_read(b, "next message\n");
    expect_queued(0, 0);
    if (is_a_file()) {
        EXPECT_NE(head.errors().find("Illegal seek"), std::string::npos) << head.errors();
        declared_difference("head says that it can't seek, and succeeds");
    } else {
        EXPECT_EQ(head.errors(), "");
    }
}

} // namespace
} // namespace ipcdev::conformance
