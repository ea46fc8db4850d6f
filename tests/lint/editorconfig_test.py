#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/lint/editorconfig finds what it is for, by the rules of the repository."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

HERE = Path(__file__).resolve().parent
RULES = HERE.parents[1] / ".editorconfig"


sys.dont_write_bytecode = True  # beside the lint


def load_lint():
    """It is a program, and has no name that import takes."""
    spec = spec_from_loader("editorconfig", SourceFileLoader("editorconfig", str(HERE / "editorconfig")))
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class EditorConfig(unittest.TestCase):
    lint = load_lint()
    sections = lint.sections_of(RULES.read_text(encoding="utf-8"))

    def check(self, name: str, content: bytes) -> str:
        """What it says of a file with this name; empty if all is well."""
        found = self.lint.mistakes(content, self.lint.rules_for(Path(name), self.sections))
        return "".join(f"{name}:{line}: {mistake}\n" if line else f"{name}: {mistake}\n" for line, mistake in found)

    def test_a_mistake_is_printed_and_is_the_exit_status(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(RULES, folder)
            (Path(folder) / "good.md").write_text("one\n", encoding="utf-8")
            (Path(folder) / "bad.md").write_text("one\ntwo ", encoding="utf-8")
            command = [HERE / "editorconfig", "good.md", "bad.md"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stdout, "bad.md: has no newline at the end\nbad.md:2: white space at the end\n")

    def test_a_file_that_is_well(self) -> None:
        self.assertEqual(self.check("a.md", "# Größe\n\n    code\n".encode()), "")
        self.assertEqual(self.check("empty.txt", b""), "")

    def test_white_space_at_the_end(self) -> None:
        self.assertEqual(self.check("a.md", b"one\ntwo \n"), "a.md:2: white space at the end\n")
        self.assertEqual(self.check("a.patch", b" \n"), "")

    def test_the_end_of_a_file(self) -> None:
        self.assertEqual(self.check("run", b"one"), "run: has no newline at the end\n")

    def test_characters(self) -> None:
        self.assertEqual(self.check("a.md", b"one\n\xe9\n"), "a.md:2: is not UTF-8\n")
        self.assertIn("a.md:1: begins with a byte order mark\n", self.check("a.md", b"\xef\xbb\xbfone\n"))
        self.assertIn("a.md:2: has a carriage return\n", self.check("a.md", b"one\ntwo\r\n"))
        self.assertEqual(self.check("a.json.xz", b"\xfd7zXZ\x00\r \n\xff"), "")

    def test_tabs_and_spaces_are_where_they_belong(self) -> None:
        tab, spaces = b"{\n\tone;\n}\n", b"{\n        one;\n}\n"
        for name in ("kmod/device.c", "common/uapi/ipcdev.h", "tests/kmod/refuse/refuse.c", "kmod/Kbuild", "a/Makefile"):
            with self.subTest(name=name):
                self.assertEqual(self.check(name, tab), "")
                self.assertEqual(self.check(name, spaces), f"{name}:2: indented by spaces, not by a tab\n")
        for name in ("common/device.cpp", "check", "tools/ipcdev-who", "CMakeLists.txt", "kmod/build"):
            with self.subTest(name=name):
                self.assertEqual(self.check(name, spaces), "")
                self.assertEqual(self.check(name, tab), f"{name}:2: indented by a tab, not by spaces\n")

    def test_a_comment_of_the_kernels_may_align_its_stars(self) -> None:
        self.assertEqual(self.check("kmod/device.c", b"/*\n * one\n */\n\tcall(a,\n\t     b);\n"), "")


if __name__ == "__main__":
    unittest.main()
