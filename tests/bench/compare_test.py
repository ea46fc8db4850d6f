# SPDX-License-Identifier: MIT
"""ipcdev-bench-compare, on results made by hand."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from bench import FOLDER, run, write_result

COMPARE = FOLDER / "ipcdev-bench-compare"
TRIP = ("round-trip", "pipe", 64, 0)
RATE = ("throughput", "pipe", 64, 0)


class Compare(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def compare(self, before: dict, after: dict, *options: str, **changes: object) -> tuple[int, str]:
        a = write_result(self.folder / "a.json", before)
        b = write_result(self.folder / "b.json", after, **changes)
        done = run(COMPARE, a, b, *options)
        return done.returncode, done.stdout + done.stderr

    def test_equal_results_have_no_change(self) -> None:
        status, text = self.compare({TRIP: [10, 11, 12]}, {TRIP: [10, 11, 12]})
        self.assertEqual(status, 0, text)
        self.assertIn("1 figures compared, 0 changed", text)

    def test_a_difference_within_the_samples_is_noise(self) -> None:
        status, text = self.compare({TRIP: [100, 110, 130]}, {TRIP: [105, 125, 126]})
        self.assertEqual(status, 0, text)

    def test_one_wide_run_is_noise(self) -> None:
        status, text = self.compare({TRIP: [100, 101, 102]}, {TRIP: [90, 140, 150]})
        self.assertEqual(status, 0, text)

    def test_a_small_difference_is_none(self) -> None:
        status, text = self.compare({TRIP: [1000, 1000, 1000]}, {TRIP: [1010, 1010, 1010]})
        self.assertEqual(status, 0, text)
        status, text = self.compare({TRIP: [1000, 1000, 1000]}, {TRIP: [1010, 1010, 1010]}, "--at-least", "0.5")
        self.assertEqual(status, 1, text)

    def test_a_longer_time_is_worse(self) -> None:
        status, text = self.compare({TRIP: [100, 101, 102]}, {TRIP: [120, 121, 122]})
        self.assertEqual(status, 1, text)
        self.assertRegex(text, r"worse +round-trip, pipe, 64 B: 101 -> 121 ns \+19\.8 %")

    def test_a_higher_rate_is_better(self) -> None:
        status, text = self.compare({RATE: [100, 101, 102]}, {RATE: [120, 121, 122]})
        self.assertEqual(status, 1, text)
        self.assertRegex(text, r"better +throughput")

    def test_what_is_not_measured_any_more_is_a_change(self) -> None:
        status, text = self.compare({TRIP: [1, 1, 1], RATE: [1, 1, 1]}, {TRIP: [1, 1, 1]})
        self.assertEqual(status, 1, text)
        self.assertRegex(text, r"gone +throughput, pipe")

    def test_other_units_and_placements_are_refused(self) -> None:
        for changes in ({"unit": "instructions"}, {"placement": "two-cores"}):
            status, text = self.compare({TRIP: [1, 1, 1]}, {TRIP: [1, 1, 1]}, **changes)
            self.assertEqual(status, 2, text)

    def test_results_of_a_machine_are_compared_each_with_its_like(self) -> None:
        for name, cost in (("one", 10), ("two", 20)):
            write_result(self.folder / f"{name}.json", {TRIP: [cost] * 3}, label=name)
        files = (self.folder / "one.json", self.folder / "two.json")
        packing = (FOLDER / "pack", "--measured", "2026-02-28", "--code", "x", "--into", self.folder)
        packed = run(*packing, *files).stdout.strip()
        same = run(COMPARE, packed, packed)
        self.assertEqual(same.returncode, 0, same.stderr)
        self.assertIn("one:\n1 figures compared, 0 changed beyond noise\ntwo:\n", same.stdout)
        slower = run(COMPARE, packed, write_result(self.folder / "new.json", {TRIP: [30] * 3}, label="two"))
        self.assertEqual(slower.returncode, 1, slower.stderr)
        self.assertIn("20 -> 30 ns", slower.stdout)
        other = run(COMPARE, packed, write_result(self.folder / "new.json", {TRIP: [30] * 3}, label="three"))
        self.assertEqual(other.returncode, 2)
        self.assertIn("one, ns, one-core; two, ns, one-core", other.stderr)

    def test_wrong_use_is_told(self) -> None:
        no_json = self.folder / "no.json"
        no_json.write_text("{", encoding="utf-8")
        empty = self.folder / "empty.json"
        empty.write_text("{}", encoding="utf-8")
        for arguments in ((), (no_json, no_json), (empty, empty), (self.folder / "none", empty)):
            done = run(COMPARE, *arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
