# SPDX-License-Identifier: MIT
"""The targets, on results made by hand."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from bench import FOLDER, run, write_result

TARGETS = FOLDER / "ipcdev-bench-targets"
KIB = 1024


class Targets(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def stand(self, *results: Path) -> tuple[int, list[str]]:
        """The exit status, and a line a target, without the columns' spaces."""
        done = run(TARGETS, *results)
        return done.returncode, [" ".join(line.split()) for line in done.stdout.splitlines()]

    def result(self, name: str, cells: dict, unit: str) -> Path:
        return write_result(self.folder / f"{name}.json", cells, unit)

    def line(self, lines: list[str], words: str) -> str:
        return next(line for line in lines if words in line)

    def test_nothing_measured_is_said(self) -> None:
        status, lines = self.stand(self.result("a", {("round-trip", "pipe", 64, 0): [1]}, "ns"))
        self.assertEqual(status, 0)
        self.assertGreater(len(lines), 10)
        for line in lines:
            self.assertIn("not measured", line)

    def test_reached_goal_and_not_reached(self) -> None:
        counted = self.result(
            "counted",
            {
                ("same-thread", "pipe", 64, 0): [100, 100, 100],
                ("same-thread", "module", 64, 0): [90, 91, 92],
                ("same-thread", "pipe", KIB, 0): [100, 100, 100],
                ("same-thread", "module", KIB, 0): [70, 71, 72],
                ("same-thread", "pipe", 4 * KIB, 0): [100, 100, 100],
                ("same-thread", "module", 4 * KIB, 0): [120, 121, 122],
            },
            "instructions",
        )
        status, lines = self.stand(counted)
        self.assertEqual(status, 1)
        self.assertRegex(self.line(lines, "read of 64 B"), r"\) reached 0\.91 \(0\.9")
        self.assertIn("reached, the goal too", self.line(lines, "read of 1 KiB"))
        self.assertIn("not reached", self.line(lines, "read of 4 KiB"))

    def test_ratios_are_taken_by_repetition(self) -> None:
        drifting = {("round-trip", "fuse", 64, 0): [60, 600, 6000], ("round-trip", "pipe", 64, 0): [10, 100, 1000]}
        _, lines = self.stand(self.result("a", drifting, "ns"))
        self.assertIn("6 (6 to 6)", self.line(lines, "one core round trip"))

    def test_a_cost_that_grows_is_found_wherever_it_is_worst(self) -> None:
        key = "standing-depth", "module", 64
        depths = {1: 100, 16: 150, 65536: 110}
        flat = self.result("a", {(*key, depth): [cost] * 3 for depth, cost in depths.items()}, "instructions")
        _, lines = self.stand(flat)
        self.assertRegex(self.line(lines, "at depth 65,536"), r"not reached 1\.5")
        shallow = self.result("b", {(*key, 1): [1, 1, 1], (*key, 16): [1, 1, 1]}, "instructions")
        _, lines = self.stand(shallow)
        self.assertIn("not measured", self.line(lines, "at depth 65,536"))

    def test_times_say_nothing_about_instruction_ratios(self) -> None:
        cells = {("same-thread", peer, 64, 0): [1, 1, 1] for peer in ("pipe", "module")}
        _, lines = self.stand(self.result("a", cells, "ns"))
        self.assertIn("not measured", self.line(lines, "read of 64 B"))

    def test_a_module_that_was_measured_natively_has_targets_in_time_too(self) -> None:
        cells = {("same-thread", "pipe", 64, 0): [10, 10, 10], ("same-thread", "module", 64, 0): [7, 7, 7]}
        _, without = self.stand(self.result("a", {("same-thread", "pipe", 64, 0): [10, 10, 10]}, "ns"))
        _, lines = self.stand(self.result("b", cells, "ns"))
        self.assertGreater(len(lines), len(without))
        self.assertIn("not measured", self.line(lines, "module instruction ratio same-thread write and read of 64 B"))
        timed = self.line(lines, "module time, native, one core same-thread write and read of 64 B")
        self.assertIn("reached, the goal too 0.7", timed)

    def test_wrong_use_is_told(self) -> None:
        for arguments in ((), (self.folder / "none",)):
            self.assertEqual(run(TARGETS, *arguments).returncode, 2)


if __name__ == "__main__":
    unittest.main()
