// SPDX-License-Identifier: MIT
//
// What programs make of the file that they are told to read or write, in the table 'Shells
// and other programs' of docs/differences.md: those that look first at what it is, that
// seek, and that read to its end. What a shell's own `read` does is in shells.cpp.
#include <cstdlib>

#include <unistd.h>

#include "options.h"
#include "program_test.h"

namespace ipcdev::conformance {
namespace {

class Programs : public ProgramTest {
  protected:
    // It can't seek, says so, and has taken nothing of the message.
    void gives_up(Program&& program, std::string_view message, Where where = Where::here()) {
        EXPECT_EQ(program.wait(), EXIT_FAILURE);
        EXPECT_NE(program.errors().find("Illegal seek"), std::string::npos) << program.errors();
        expect_queued(1, message.size(), where);
        expect_read(b, message, whole_message, where);
    }
};

// --- what it is

TEST_F(Programs, FileTellsACharacterDeviceAndTakesNothing) {
    contract("M5");
    needs("file", "file");
    write_ok(a, "a message\n");
    Program file = run("exec file --brief --dereference {device}");
    ends_well(file);
    if (is_a_file()) {
        EXPECT_EQ(file.output(), "ASCII text\n");
        expect_queued(0, 0);
        declared_difference("it takes a message, to tell what is in it");
        return;
    }
    EXPECT_EQ(file.output().rfind("character special", 0), 0U) << file.output();
    expect_read(b, "a message\n");
}

// --- copies

TEST_F(Programs, CpFromItCopiesWhatComes) {
    contract("R2", "N2", "N7");
    write_ok(a, "first\n");
    Program cp = run("exec cp {device} /proc/self/fd/1");
    if (is_a_file()) {
        gives_up(std::move(cp), "first\n");
        declared_difference("it looks for holes in the file, and gives up");
        return;
    }
    arrives(cp, "first\n");
    write_ok(a, "second\n");
    arrives(cp, "first\nsecond\n");
    EXPECT_FALSE(cp.ended()) << "there is no end of file";
}

TEST_F(Programs, CpToItWritesAFileThatFitsAsOneMessage) {
    contract("W2", "O4", "N2");
    ends_well(run("exec cp /proc/self/fd/0 {device}", pattern(4096)));
    expect_queued(1, 4096);
    expect_read(b, pattern(4096));
    Program too_long = run("exec cp /proc/self/fd/0 {device}", pattern(4097));
    EXPECT_EQ(too_long.wait(), EXIT_FAILURE);
    EXPECT_NE(too_long.errors().find("Message too long"), std::string::npos) << too_long.errors();
    expect_queued(0, 0);
}

// --- the end of a file, which there is not

TEST_F(Programs, WhatReadsToTheEndTakesMessagesAndPrintsNothing) {
    contract("R2");
    for (const char* command : {"exec tail -f {device}", "exec sort {device}"}) {
        write_ok(a, "a message\n");
        Program program = run(command);
        wait_parked_readers(1);
        expect_queued(0, 0);
        EXPECT_EQ(program.output(), "");
        EXPECT_FALSE(program.ended());
        program.kill();
        wait_parked_readers(0);
    }
}

TEST_F(Programs, TailByBytesFromTheFirstOnWaitsForMore) {
    contract("R2", "N7");
    write_ok(a, "a message\n");
    Program tail = run("exec tail -c +1 -f {device}");
    if (is_a_file()) {
        gives_up(std::move(tail), "a message\n");
        declared_difference("it can't seek in a regular file, and gives up");
        return;
    }
    wait_parked_readers(1);
    expect_queued(0, 0);
    EXPECT_FALSE(tail.ended());
}

TEST_F(Programs, TimeoutEndsAReadOfBashInPlaceOfATimeLimitOfItsOwn) {
    contract("R5", "H3");
    constexpr int timed_out = 124;
    needs("bash", "bash");
    EXPECT_EQ(run("exec timeout 0.2 bash -c 'read -r line < {device}'").wait(), timed_out);
    wait_parked_readers(0);
    write_ok(a, "a line\n");
    expect_read(b, "a line\n");
}

// --- behind a pipe

TEST_F(Programs, WhatStandsBeforeAPipeReadsOneMessageAhead) {
    contract("R2", "H4");
    Program shell = run_in(bash, "cat {device} | { read -r line; exec <&-; echo \"got $line\"; }");
    write_ok(a, "first\n");
    arrives(shell, "got first\n"); // and nobody reads the pipe any more
    write_ok(a, "second\n");
    ends_well(shell);
    EXPECT_EQ(shell.output(), "got first\n");
    expect_queued(0, 0);
    write_ok(a, "third\n");
    expect_read(b, "third\n");
}

// --- Python's pipes of asyncio

constexpr auto python_pipes = R"(
import asyncio, sys

def opened():
    return open(sys.argv[1], "r+b", buffering=0)

async def read():
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), opened())
    print("read", (await reader.read(100)).decode(), flush=True)

async def write():
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, opened())
    transport.write(b"from asyncio")

for way in read, write:
    try:
        asyncio.run(way())
    except ValueError:
        print("ValueError", flush=True)
)";

TEST_F(Programs, PythonsPipesOfAsyncioConnectToIt) {
    contract("M5", "P3", "P5");
    if (access("/usr/bin/python3", X_OK) != 0) {
        fail("there is no /usr/bin/python3: install the package python3", Where::here());
    }
    write_ok(a, "hello");
    // Without its site packages: starting it takes long in an emulated machine.
    Program python(
        {.arguments = {"/usr/bin/python3", "-I", "-S", "-c", python_pipes, options().device}});
    ends_well(python);
    if (is_a_file()) {
        EXPECT_EQ(python.output(), "ValueError\nValueError\n");
        expect_read(b, "hello");
        declared_difference("they refuse a regular file");
        return;
    }
    EXPECT_EQ(python.output(), "read hello\n");
    expect_read(b, "from asyncio");
}

} // namespace
} // namespace ipcdev::conformance
