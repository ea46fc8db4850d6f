#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ipcdevctl and ipcdev-who, run by root, on what anybody may serve: whatever it answers, they end, and say so."""

from __future__ import annotations

import os
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from daemon import ctl, wait_until
from who import who

FALSE_SERVER = os.environ["FALSE_SERVER"]
INFO, STATS, WAITERS = 1, 2, 3
PER_CALL = 32
U32_MAX = 2**32 - 1


def info(size: int = 64, abi: int = 1, *, server: int = 3, mode: int = 1) -> bytes:
    return struct.pack("=8I", size, abi, server, 0, mode, 64, 4096, 0).ljust(64, b"\0")


def waiters(count: int, total: int, *, first: int = 0, operation: int = 1, size: int = 16 + PER_CALL * 24) -> bytes:
    entries = struct.pack("=iIQQ", 1, operation, 10, 0) * min(count, PER_CALL)
    return (struct.pack("=IIII", size, first, count, total) + entries).ljust(16 + PER_CALL * 24, b"\0")


class FalseServer(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="false-server-")
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "device"
        self.answers = Path(folder.name) / "answers"
        self.path.touch()
        self.answers.mkdir()
        server = subprocess.Popen([FALSE_SERVER, self.path, self.answers])
        self.addCleanup(server.wait)
        self.addCleanup(self.unmount)
        wait_until(lambda: os.path.ismount(self.path) or server.poll() is not None)
        self.assertIsNone(server.poll())

    def unmount(self) -> None:
        subprocess.run([*(["umount"] if os.geteuid() == 0 else ["fusermount3", "-u"]), self.path], check=True)

    def answer(self, number: int, answer: bytes) -> None:
        (self.answers / str(number)).write_bytes(answer)

    def refuse(self, command: str) -> None:
        done = ctl("--device", str(self.path), command)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr, f"ipcdevctl: {self.path} does not answer like an ipcdev device: don't trust it\n")
        self.assertEqual(done.returncode, 1)

    def refuse_waiters(self, answer: bytes) -> None:
        """Both programs."""
        self.answer(WAITERS, answer)
        self.refuse("waiters")
        done = who(str(self.path))
        self.assertEqual(done.stderr, f"ipcdev-who: {self.path} does not answer like an ipcdev device: don't trust it\n")
        self.assertEqual(done.returncode, 1)

    def test_that_answers_well_is_believed(self) -> None:
        self.answer(INFO, info())
        self.answer(STATS, struct.pack("=I", 88))
        self.answer(WAITERS, waiters(2, 2))
        for command in ("info", "stats", "waiters"):
            done = ctl("--device", str(self.path), command)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_that_counts_more_waiters_than_an_answer_holds(self) -> None:
        for count, total in ((PER_CALL + 1, PER_CALL + 1), (2**31, 0), (U32_MAX, U32_MAX)):
            self.refuse_waiters(waiters(count, total))

    def test_that_always_has_more_waiters(self) -> None:
        for total in (4097, U32_MAX):
            self.refuse_waiters(waiters(PER_CALL, total))

    def test_that_counts_more_waiters_than_there_are(self) -> None:
        self.refuse_waiters(waiters(2, 1))

    def test_that_answers_another_question(self) -> None:
        self.refuse_waiters(waiters(1, 2, first=1))
        self.refuse_waiters(waiters(1, 40))  # the second answer begins anew

    def test_that_answers_with_another_struct(self) -> None:
        for size in (0, U32_MAX):
            self.answer(INFO, info(size))
            self.refuse("info")
            self.answer(STATS, struct.pack("=I", size))
            self.refuse("stats")
            self.refuse_waiters(waiters(1, 1, size=size))

    def test_of_another_version(self) -> None:
        self.answer(INFO, info(abi=2))
        done = ctl("--device", str(self.path), "info")
        self.assertEqual(done.stderr, f"ipcdevctl: can't read the settings: {self.path} is served by another version; "
                                      "use the ipcdevctl that came with it\n")
        self.assertEqual(done.returncode, 1)

    def test_with_names_that_nobody_knows(self) -> None:
        self.answer(INFO, info(server=U32_MAX, mode=7))
        shown = ctl("--device", str(self.path), "info").stdout
        self.assertIn(f"unknown ({U32_MAX})", shown)
        self.assertIn("unknown (7)", shown)
        self.answer(WAITERS, waiters(1, 1, operation=9))
        self.assertIn("unknown (9)", ctl("--device", str(self.path), "waiters").stdout)


if __name__ == "__main__":
    unittest.main()
