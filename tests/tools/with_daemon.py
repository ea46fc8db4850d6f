# SPDX-License-Identifier: MIT
"""What the tests of ipcdevctl have in common: a daemon each, and what is expected of the program."""

from __future__ import annotations

import unittest

from daemon import Daemon


class WithDaemon(unittest.TestCase):
    options: tuple[str, ...] = ()  # of the daemon

    def setUp(self) -> None:
        self.daemon = Daemon(*self.options)
        self.addCleanup(self.daemon.stop)

    def succeed(self, *arguments: str) -> str:
        done = self.daemon.ctl(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def fields(self, command: str) -> dict[str, str]:
        return dict(line.split(maxsplit=1) for line in self.succeed(command).splitlines())

    def fail_with(self, sentence: str, *arguments: str, user: int | None = None) -> None:
        done = self.daemon.ctl(*arguments, user=user)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr, f"ipcdevctl: {sentence}\n")
        self.assertEqual(done.returncode, 1)
