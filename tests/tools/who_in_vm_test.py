#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ipcdev-who on /dev/ipcdev as each server serves it: what it prints for a parked `cat`, and what differs.

usage: who_in_vm_test.py MODULE    as root, in a machine for it alone
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from daemon import IPCDEVD, NOBODY
from who import EPOLL, POLL, SELECT, STAY, WRITE, Row, row_of, rows, start, who

DEVICE = "/dev/ipcdev"
MODULE = sys.argv[1]


class WithServer(unittest.TestCase):
    def start(self, process: subprocess.Popen[bytes]) -> int:
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process.pid

    def hold(self, action: str, device: str = DEVICE) -> int:
        return self.start(start(device, action))

    def park_cat(self, **user: Any) -> int:
        return self.start(subprocess.Popen(["cat", DEVICE], stdout=subprocess.DEVNULL, **user))

    def expect_cat(self, pid: int, kernel: str, source: str = "-", arguments: tuple[str, ...] = (),
                   **user: Any) -> subprocess.CompletedProcess[str]:
        """What is shown of it, with a line that ends so, once it is parked."""
        done = who(DEVICE, *arguments, **user)
        while " read " not in done.stdout:
            done = who(DEVICE, *arguments, **user)
        print(f"\n{' '.join(done.args)}\n{done.stdout}{done.stderr}", flush=True)
        self.assertRegex(done.stdout.splitlines()[1],
                         rf"^{pid} +{pid} +cat +3 +read +131072 +\d+ +{kernel} +{source}$")
        return done


class Daemon(WithServer):
    parked = r"request_wait_answer\+0x\w+/0x\w+( \[fuse\])?"

    def serve(self, transport: str) -> None:
        self.daemon = subprocess.Popen([IPCDEVD, "--transport", transport, "--name", "ipcdev", "--log-level", "warn"])
        self.addCleanup(self.end)
        while self.daemon.poll() is None and not os.path.exists(DEVICE):
            pass  # or the machine's time is over
        while self.daemon.poll() is None and who(DEVICE).returncode != 0:
            pass

    def end(self) -> None:
        self.daemon.terminate()
        self.daemon.wait()

    def test_a_cat_parked_by_cuse(self) -> None:
        self.serve("cuse")
        self.expect_cat(self.park_cat(), self.parked)

    def test_a_cat_parked_on_a_fuse_file(self) -> None:
        self.serve("fuse")
        self.expect_cat(self.park_cat(), self.parked)

    def test_opens_by_another_node_count_and_those_of_an_earlier_server_do_not(self) -> None:
        self.serve("cuse")
        number = os.stat(DEVICE).st_rdev
        node = os.path.join(tempfile.mkdtemp(dir="/run"), "node")
        os.mknod(node, os.stat(DEVICE).st_mode, number)
        row_of(DEVICE, self.hold(STAY, node))
        row_of(DEVICE, self.hold(STAY))
        os.unlink(node)
        self.daemon.kill()
        self.daemon.wait()
        while os.path.exists(DEVICE):
            pass
        self.serve("cuse")
        self.assertEqual(os.stat(DEVICE).st_rdev, number)
        self.assertEqual(rows(DEVICE), [])


class Module(WithServer):
    parked = r"ipcdev_wait\+0x\w+/0x\w+ \[ipcdev\]"
    line = r"ipcdev_wait at \S+/call\.c:\d+"

    def setUp(self) -> None:
        subprocess.run(["insmod", MODULE, "depth=1", "permissions=0666"], check=True)
        self.addCleanup(subprocess.run, ["rmmod", "ipcdev"], check=True)

    def copy(self, name: str, *command: str) -> str:
        copy = shutil.copy(MODULE, os.path.join(tempfile.mkdtemp(dir="/run"), name))
        subprocess.run([*command, copy], check=True)
        return copy

    def test_a_parked_cat_and_the_line_where_it_sleeps(self) -> None:
        done = self.expect_cat(self.park_cat(), self.parked, self.line, ("--module", MODULE))
        self.assertEqual(done.stderr, "")
        file, number = done.stdout.split()[-1].split(":")
        self.assertEqual(Path(file).read_text(encoding="utf-8").splitlines()[int(number) - 1].strip(), "schedule();")

    def test_files_that_tell_no_line_and_an_installed_one_that_does(self) -> None:
        cat = self.park_cat()
        stripped = self.copy("stripped.ko", "strip", "--strip-debug")
        packed = self.copy("packed.ko", "xz") + ".xz"
        other = self.copy("other.ko", "objcopy", "--remove-section=.note.gnu.build-id")
        reasons = {
            (): "modinfo knows no file of the module ipcdev: name it by --module FILE",
            ("--module", stripped): f"{stripped} has no debug information",
            ("--module", packed): f"{packed} is packed, or not a module: name an unpacked one by --module FILE",
            ("--module", other): f"{other} is not the module that is loaded: name that one by --module FILE",
        }
        for arguments, reason in reasons.items():
            done = self.expect_cat(cat, self.parked, "-", arguments)
            self.assertEqual(done.stderr, f"ipcdev-who: source lines are not shown: {reason}\n")
        installed = shutil.copy(MODULE, Path("/lib/modules", os.uname().release))
        subprocess.run(["depmod", os.uname().release, installed], check=True)  # of it alone: quick
        self.expect_cat(cat, self.parked, self.line)

    def test_a_file_that_is_not_there(self) -> None:
        self.park_cat()
        done = who(DEVICE, "--module", "/nowhere.ko")
        while done.returncode == 0:  # nothing of the module's to be shown yet
            done = who(DEVICE, "--module", "/nowhere.ko")
        self.assertEqual((done.stdout, done.returncode), ("", 1))
        self.assertEqual(done.stderr,
                         "ipcdev-who: can't read the module's file /nowhere.ko: No such file or directory\n")

    def test_from_a_pid_namespace_that_lacks_the_thread(self) -> None:
        self.expect_cat(self.park_cat(), self.parked)
        command = ("unshare", "--pid", "--fork", "--mount-proc", *who(DEVICE).args)
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        self.assertRegex(done.stdout.splitlines()[1], r"^- +- +- +- +read +131072 +\d+ +- +-$")
        self.assertEqual(done.stderr, "ipcdev-who: a call is parked by a thread of another pid namespace, which has "
                                      "no number here\n")

    def test_a_parked_writer_and_who_waits_for_events(self) -> None:
        Path(DEVICE).write_text("full", encoding="utf-8")
        expected = {self.hold(action): call for call, action in
                    {"write": WRITE, "poll": POLL, "select": SELECT, "epoll": EPOLL}.items()}
        shown: list[Row] = []
        while {row["pid"]: row["call"] for row in shown} != expected:
            shown = rows(DEVICE)
        self.assertRegex(shown[0]["kernel"], self.parked)
        self.assertEqual((shown[0]["call"], shown[0]["bytes"]), ("write", 4))

    def test_an_ordinary_user(self) -> None:
        nobody: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        done = self.expect_cat(self.park_cat(**nobody), "ipcdev_wait", **nobody)
        self.assertIn("only root may read stacks", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
