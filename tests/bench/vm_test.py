# SPDX-License-Identifier: MIT
"""A brief run in the virtual machine: the module and CUSE are peers, and instructions are counted."""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path

from bench import FOLDER, run

from results import Result, load

BUILD = os.environ["IPCDEV_BUILD"]
TIMEOUT_S = 400


class InVm(unittest.TestCase):
    def measure(self, *options: str) -> Result:
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder) / "result.json"
            limit = ("--timeout", str(TIMEOUT_S - 20))
            command = (FOLDER / "in-vm", "--build", BUILD, *limit, "--json", result, *options, "--", "--brief")
            done = run(*command, timeout=TIMEOUT_S)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return load(result)

    def check(self, result: Result, *servers: str) -> None:
        for server in servers:
            for measure in ("same-thread", "round-trip", "polled-round-trip", "throughput"):
                cell = result.cell(measure, server, 64)
                self.assertTrue(cell and cell.value and cell.value.median > 0, (measure, server))
            for cell in result.cells.values():
                self.assertFalse(cell.not_measured.startswith("failed"), cell)

    def test_the_module_and_cuse(self) -> None:
        result = self.measure()
        self.assertEqual(result.unit, "ns")
        self.check(result, "module", "cuse")

    def test_counted_instructions(self) -> None:
        result = self.measure("--instructions", "--servers", "module")
        self.assertEqual(result.unit, "instructions")
        self.assertEqual(result.measures["round-trip"].unit, "instructions")
        self.check(result, "module")
        # They are counted: a clock could not agree with itself so well.
        for cell in result.of("same-thread"):
            if cell.value and cell.bytes == 64 and cell.peer in ("pipe", "module"):
                self.assertLess(cell.value.max - cell.value.min, 0.05 * cell.value.median, cell.peer)
        # Each lock is one, and a message takes three of them.
        module = result.cell("same-thread", "module", 64)
        self.assertTrue(module and "locked operations" in module.details)
        locked = module.details["locked operations"]
        self.assertGreaterEqual(locked.min, 3)
        self.assertLessEqual(locked.max, 5)


if __name__ == "__main__":
    unittest.main()
