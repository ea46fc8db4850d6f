#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/lint/version finds a version that was forgotten, wherever there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]


class Version(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = Path(folder.name)
        for name in ("docs/man", "kmod", "packaging", "tools", "common"):
            shutil.copytree(TOP / name, self.tree / name, ignore=shutil.ignore_patterns("*.ko", "*.o", "*.mod*", ".*.cmd"))
        for name in ("CMakeLists.txt", "CHANGELOG.md", "README.md"):
            shutil.copy(TOP / name, self.tree)

    def lint(self) -> tuple[int, str]:
        done = subprocess.run([HERE / "version", self.tree], capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def replace(self, name: str, pattern: str, by: str) -> None:
        file = self.tree / name
        text, count = re.subn(pattern, by, file.read_text(encoding="utf-8"), count=1)
        self.assertEqual(count, 1, f"{name} has no {pattern}")
        file.write_text(text, encoding="utf-8")

    def test_they_are_all_the_same(self) -> None:
        self.assertEqual(self.lint(), (0, ""))

    def test_each_place_is_looked_at(self) -> None:
        version = r"\d+\.\d+\.\d+"
        for name, pattern, by in (
            ("docs/man/ipcdev.4", f'"ipcdev {version}"', '"ipcdev 9.9.9"'),
            ("docs/man/ipcdevd.8", f' "ipcdev {version}"', ""),
            ("tools/ipcdev-who", f'VERSION = "{version}"', 'VERSION = "9.9.9"'),
            ("CHANGELOG.md", rf"\[{version}\]", "[9.9.9]"),
            ("kmod/Kbuild", r"(?m)^IPCDEV_VERSION .*", 'IPCDEV_VERSION ?= 9.9.9'),
            ("kmod/ipcdev_main.c", r"MODULE_VERSION\(IPCDEV_VERSION\)", 'MODULE_VERSION("9.9.9")'),
        ):
            with self.subTest(name=name):
                file = self.tree / name
                before = file.read_bytes()
                self.replace(name, pattern, by)
                status, said = self.lint()
                file.write_bytes(before)
                self.assertEqual(status, 1)
                self.assertIn(name if name != "kmod/ipcdev_main.c" else "MODULE_VERSION", said)

    def test_a_new_version_is_wanted_everywhere(self) -> None:
        self.replace("CMakeLists.txt", r"project\(ipcdev VERSION \d+\.\d+\.\d+", "project(ipcdev VERSION 9.9.9")
        status, said = self.lint()
        self.assertEqual(status, 1)
        wanted = [*(f"docs/man/{page.name}" for page in (self.tree / "docs/man").iterdir()), "ipcdev-who", "CHANGELOG.md"]
        for name in wanted:
            self.assertIn(name, said)
        self.assertNotIn("Kbuild", said)  # it reads CMakeLists.txt itself

    def test_what_dkms_is_told(self) -> None:
        (self.tree / "packaging/dkms.conf").write_text('PACKAGE_NAME="ipcdev"\nPACKAGE_VERSION="9.9.9"\n', encoding="utf-8")
        self.assertIn("dkms.conf: says 9.9.9", self.lint()[1])

    def test_a_version_in_prose(self) -> None:
        (self.tree / "docs/new.md").write_text("Unpack ipcdev-9.9.9.tar.gz.\n", encoding="utf-8")
        self.assertIn("docs/new.md:1: says 9.9.9", self.lint()[1])


if __name__ == "__main__":
    unittest.main()
