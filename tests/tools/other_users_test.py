#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ipcdevctl on somebody else's device. Only root can act as another user: exits with 77 otherwise."""

from __future__ import annotations

import os
import sys
import unittest

from daemon import NOBODY
from with_daemon import WithDaemon


class PrivateDevice(WithDaemon):
    def test_says_whom_to_be(self) -> None:
        self.fail_with(f"you may not open {self.daemon.path}: run ipcdevctl as its owner or as root, or start "
                       "ipcdevd with --owner, --group or --permissions that let you", "info", user=NOBODY)


class PublicDevice(WithDaemon):
    options = ("--permissions", "0666")

    def test_shows_its_settings_to_everybody(self) -> None:
        self.assertEqual(self.daemon.ctl("info", user=NOBODY).returncode, 0)

    def test_shows_nobody_the_parked_calls_of_others(self) -> None:
        self.assertEqual(self.daemon.ctl("waiters", user=NOBODY).stdout, "no call is parked\n")
        self.daemon.park_reader(10)
        self.assertEqual(self.daemon.ctl("waiters", user=NOBODY).stdout,
                         "none of your calls is parked; calls of other users: 1\n")
        self.assertEqual(self.daemon.ctl("waiters", "--json", user=NOBODY).stdout, "[]\n")

    def test_only_root_and_who_serves_it_configure_it(self) -> None:
        self.fail_with(f"you may not configure {self.daemon.path}: only root and the user who serves it may",
                       "configure", "--depth", "2", user=NOBODY)


class WriteOnlyDevice(WithDaemon):
    options = ("--permissions", "0602")

    def test_can_be_cleared_but_not_looked_at(self) -> None:
        self.assertEqual(self.daemon.ctl("clear", user=NOBODY).returncode, 0)
        self.assertEqual(self.daemon.ctl("info", user=NOBODY).returncode, 1)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: only root can act as another user")
        sys.exit(77)
    unittest.main()
