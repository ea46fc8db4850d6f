#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ipcdev-who against a running daemon's FUSE file; who_in_vm_test.py has the other servers."""

from __future__ import annotations

import importlib.util
import os
import signal
import struct
import subprocess
import sys
import unittest
from importlib.machinery import SourceFileLoader
from types import ModuleType

from daemon import NOBODY, Daemon
from who import (EPOLL, POLL, POLL_ANOTHER, PYTHON, READ, READ_AND_CLOSE, READ_IN_A_THREAD, SELECT, STAY, WHO,
                 WRITE, Row, row_of, rows, start, who)


class WithHolders(unittest.TestCase):
    options: tuple[str, ...] = ("--depth", "1")

    def setUp(self) -> None:
        self.daemon = Daemon(*self.options)
        self.addCleanup(self.daemon.stop)
        self.device = str(self.daemon.path)

    def start(self, action: str, device: str | None = None) -> int:
        process = start(device or self.device, action)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process.pid

    def row_of(self, action: str, **expected: object) -> Row:
        return row_of(self.device, self.start(action), **expected)


class Parked(WithHolders):
    def test_a_reader(self) -> None:
        row = self.row_of(READ, call="read")
        self.assertEqual(list(row), ["pid", "thread", "command", "fds", "call", "bytes", "parked_ms", "kernel",
                                     "source"])
        self.assertEqual((row["thread"], row["fds"], row["bytes"]), (row["pid"], [3], 10))
        self.assertTrue(row["command"].startswith("python"), row)
        self.assertTrue(0 <= row["parked_ms"] < 60_000, row)
        self.assertIsNone(row["source"])

    def test_since_when(self) -> None:
        row = self.row_of(READ, call="read")
        while rows(self.device)[0]["parked_ms"] < row["parked_ms"] + 10:
            pass  # or the test's time is over

    def test_a_writer(self) -> None:
        self.daemon.write(b"full")
        row = self.row_of(WRITE, call="write")
        self.assertEqual(row["bytes"], 4)

    def test_a_thread_that_is_not_its_process_s_first(self) -> None:
        row = self.row_of(READ_IN_A_THREAD, call="read")
        self.assertNotEqual(row["thread"], row["pid"])

    def test_in_the_order_in_which_they_will_be_served(self) -> None:
        holder = self.row_of(STAY, call=None)
        pids = [self.daemon.park_reader(count) for count in (10, 20, 30)]
        self.assertEqual([row["pid"] for row in rows(self.device)], [*pids, holder["pid"]])

    def test_more_of_them_than_one_call_of_the_device_tells(self) -> None:
        pids = [self.daemon.park_reader(count) for count in range(1, 36)]
        self.assertEqual([row["pid"] for row in rows(self.device)], pids)

    @unittest.skipIf(os.geteuid() != 0, "only root may read stacks")
    def test_on_a_descriptor_that_was_closed(self) -> None:
        row = self.row_of(READ_AND_CLOSE, call="read", fds=[])
        self.assertNotEqual(row["thread"], row["pid"])


    @unittest.skipIf(os.geteuid() != 0, "only root can make a PID namespace")
    def test_by_a_thread_that_can_not_be_seen(self) -> None:
        row = self.row_of(READ, call="read")
        unseen = ["unshare", "--pid", "--fork", "--mount-proc", WHO, self.device]
        done = subprocess.run(unseen, capture_output=True, text=True, check=False)
        self.assertRegex(done.stdout.splitlines()[1], rf"^- +{row['thread']} +- +- +read +10 +\d+ +- +-$")
        self.assertEqual(done.stderr, "ipcdev-who: a call is parked by a thread that can't be seen from here; its "
                                      "number is the server's\n")


class Waiting(WithHolders):
    def test_in_poll(self) -> None:
        row = self.row_of(POLL, call="poll")
        self.assertEqual((row["fds"], row["bytes"], row["parked_ms"]), ([3], None, None))

    @unittest.skipIf(os.geteuid() != 0, "only root can tell it from poll")
    def test_in_select(self) -> None:
        self.row_of(SELECT, call="select")

    def test_in_epoll(self) -> None:
        self.row_of(EPOLL, call="epoll")

    @unittest.skipIf(os.geteuid() != 0, "only root may know for what")
    def test_not_for_something_else(self) -> None:
        row = self.row_of(POLL_ANOTHER, call=None)
        while "poll" not in (row["kernel"] or ""):  # it has only started
            row = rows(self.device)[0]
        self.assertIsNone(row["call"])


class Holding(WithHolders):
    def test_a_process_that_does_not_wait(self) -> None:
        row = self.row_of(STAY, call=None)
        self.assertEqual((row["bytes"], row["parked_ms"]), (None, None))

    def test_by_several_descriptors(self) -> None:
        self.row_of(f"os.dup2(fd, 7); {STAY}", fds=[3, 7])

    def test_nobody(self) -> None:
        done = who(self.device)
        self.assertEqual((done.returncode, done.stdout), (0, f"nobody has {self.device} open\n"))
        self.assertEqual(rows(self.device), [])

    def test_not_another_device(self) -> None:
        another = Daemon()
        self.addCleanup(another.stop)
        pid = self.start(READ, str(another.path))
        row_of(str(another.path), pid, call="read")
        self.assertEqual(rows(self.device), [])

    def test_is_found_while_another_server_hangs(self) -> None:
        another = Daemon()
        self.addCleanup(another.stop)
        row_of(str(another.path), self.start(STAY, str(another.path)))
        another.signal(signal.SIGSTOP)
        self.addCleanup(another.signal, signal.SIGCONT)
        self.row_of(READ, call="read")


class Where(WithHolders):
    @unittest.skipIf(os.geteuid() != 0, "only root may read stacks")
    def test_the_innermost_function_and_the_place_in_it(self) -> None:
        self.assertRegex(self.row_of(READ, call="read")["kernel"], r"^request_wait_answer\+0x\w+/0x\w+( \[fuse\])?$")

    def test_as_text(self) -> None:
        pid = self.daemon.park_reader(10)
        heading, line = who(self.device).stdout.splitlines()
        self.assertEqual(heading.split(), ["pid", "thread", "command", "fds", "call", "bytes", "parked_ms", "kernel",
                                           "source"])
        self.assertRegex(line, rf"^{pid} +{pid} +dd +0 +read +10 +\d+ +request_wait_answer\S*( \[fuse\])? +-$")
        self.assertEqual(line.index("dd"), heading.index("command"))


@unittest.skipIf(os.geteuid() != 0, "only root can act as another user")
class AsAnOrdinaryUser(WithHolders):
    options = ("--permissions", "0666")

    def test_says_what_only_root_may_know(self) -> None:
        process = start(self.device, READ, user=NOBODY, group=NOBODY, extra_groups=[])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        row_of(self.device, process.pid, call="read")
        with open(WHO, "rb") as program:  # he may not reach its folder
            done = subprocess.run([PYTHON, "-", self.device], stdin=program, capture_output=True,
                                  text=True, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", check=False)
        self.assertRegex(done.stdout.splitlines()[1], rf"^{process.pid} .* read +10 +\d+ +request_wait_answer +-$")
        self.assertEqual(done.stderr.splitlines(), [
            "ipcdev-who: processes that only root may look into are not shown",
            "ipcdev-who: only root may read stacks in the kernel: of each only the innermost function is shown"])
        self.assertEqual(done.returncode, 0)


class NotReached(WithHolders):
    def fail_with(self, sentence: str, *arguments: str) -> None:
        done = who(*arguments)
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("", f"ipcdev-who: {sentence}\n", 1))

    def test_a_device_that_is_not_there(self) -> None:
        self.fail_with("there is no /nowhere/ipcdev: start ipcdevd or load the module, or name the device that is "
                       "meant", "/nowhere/ipcdev")

    def test_what_is_no_device(self) -> None:
        kinds = {"/etc/passwd": "a regular file, not an ipcdev device", "/": "a directory, not an ipcdev device",
                 "/dev/null": "not an ipcdev device"}
        for path, kind in kinds.items():
            self.fail_with(f"{path} is {kind}: does anybody serve it, and is this its path?", path)

    def test_a_server_that_died(self) -> None:
        self.daemon.kill()
        self.fail_with(f"the ipcdevd that served {self.device} has died or was stopped: start it again", self.device)

    def test_a_server_that_hangs_can_be_given_up(self) -> None:
        self.daemon.signal(signal.SIGSTOP)
        self.addCleanup(self.daemon.signal, signal.SIGCONT)
        done = subprocess.run(["timeout", "--signal=INT", "--kill-after=9", "1", WHO, self.device], check=False)
        self.assertEqual(done.returncode, 124)  # not 137, which is SIGKILL

    def test_says_when_its_output_can_not_be_written(self) -> None:
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([WHO, self.device], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr),
                         (1, "ipcdev-who: can't write the output: No space left on device\n"))


class Options(WithHolders):
    def refuse(self, mistake: str, *arguments: str) -> None:
        done = who(*arguments)
        self.assertEqual((done.stdout, done.stderr, done.returncode),
                         ("", f"ipcdev-who: {mistake}. 'ipcdev-who --help' lists the options.\n", 2))

    def test_the_environment_names_the_device(self) -> None:
        self.assertIn(self.device, who(env={"IPCDEV_DEVICE": self.device}).stdout)

    def test_mistakes(self) -> None:
        self.refuse("unrecognized arguments: --frobnicate", "--frobnicate")
        self.refuse("unrecognized arguments: two", "one", "two")
        self.refuse("argument --module: expected one argument", "--module")
        self.refuse("the device: must name a file", "")

    def test_help_and_version_succeed(self) -> None:
        self.assertIn("--module FILE", who("--help").stdout)
        self.assertEqual(who("--version").stdout, f"ipcdev-who {os.environ['IPCDEV_VERSION']}\n")


class Interface(unittest.TestCase):
    def test_the_ioctl_is_that_of_the_header(self) -> None:
        sample = subprocess.run([os.environ["WAITERS_SAMPLE"]], capture_output=True, check=True).stdout
        (number,), answer = struct.unpack("=Q", sample[:8]), sample[8:]
        tool = load_tool()
        self.assertEqual((number, len(answer)), (tool.IOC_WAITERS, tool.WAITERS_BYTES))
        self.assertEqual(tool.WAITERS_HEAD.unpack_from(answer), (len(answer), 1, 2, 3))
        waiters = list(tool.WAITER.iter_unpack(answer[tool.WAITERS_HEAD.size :]))
        (first, read, *_), (*last, written, size, since) = waiters[0], waiters[-1]
        self.assertEqual((first, tool.OPERATIONS[read]), (4, "read"))
        self.assertEqual((last, tool.OPERATIONS[written], size, since), ([-5], "write", 6, 7))
        self.assertEqual(len(waiters), tool.WAITERS_PER_CALL)


def load_tool() -> ModuleType:
    loader = SourceFileLoader("ipcdev_who", WHO)
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module  # its dataclasses ask for it
    loader.exec_module(module)
    return module


if __name__ == "__main__":
    unittest.main()
