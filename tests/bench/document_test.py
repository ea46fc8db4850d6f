# SPDX-License-Identifier: MIT
"""Pictures and the document, on a result made by hand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

from bench import DOCS, FOLDER, TIMEOUT_S, run, write_result

from results import load_all

CELLS = {
    ("round-trip", peer, size, 0): [cost, cost + 1, cost + 2]
    for peer, cost in (("fuse", 60), ("pipe", 10), ("unix-stream", 15), ("shm-futex", 9), ("posix-mq", 12))
    for size in (64, 4096)
}

NOISY = {"pipe": [10, 12, 11], "unix-stream": [12, 10, 11]}


class Document(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.result = write_result(self.folder / "made.json", CELLS)

    @unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not here")
    def test_a_picture_a_measure(self) -> None:
        done = run(FOLDER / "plot", self.result, self.folder / "pictures")
        self.assertEqual(done.returncode, 0, done.stderr)
        pictures = list((self.folder / "pictures").iterdir())
        self.assertEqual([picture.name for picture in pictures], ["made-round-trip.svg"])
        ElementTree.parse(pictures[0])
        figures = run(FOLDER / "figures", "--pictures", self.folder / "pictures", self.result).stdout
        self.assertIn("(pictures/made-round-trip.svg)", figures)
        document = run(FOLDER / "report", "--pictures", self.folder / "pictures", self.result).stdout
        self.assertNotIn(".svg)", document)

    @unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not here")
    def test_the_document_has_only_the_pictures_that_a_reader_needs(self) -> None:
        result = write_result(self.folder / "native-one-core.json", CELLS)
        done = run(FOLDER / "document", "--results", result, "--into", self.folder / "docs")
        self.assertEqual(done.returncode, 0, done.stderr)
        document = (self.folder / "docs/performance.md").read_text(encoding="utf-8")
        self.assertEqual(re.findall(r"\]\((.*\.svg)\)", document), ["performance/native-one-core-round-trip.svg"])
        self.assertIn("[native-one-core.json](../native-one-core.json)", document)
        self.assertTrue((self.folder / "docs/performance/native-one-core-round-trip.svg").exists())

    def test_without_gnuplot_it_says_so(self) -> None:
        tools = self.folder / "tools"
        tools.mkdir()
        (tools / "env").symlink_to(str(shutil.which("env")))
        (tools / "python3").symlink_to(sys.executable)  # on PATH may be a version manager's script, which needs more
        done = subprocess.run(
            [FOLDER / "plot", self.result, self.folder],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            env=os.environ | {"PATH": str(tools)},
            check=False,
        )
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("gnuplot is missing", done.stderr)

    def test_the_document_has_figures_targets_and_the_claim(self) -> None:
        done = run(FOLDER / "report", self.result)
        self.assertEqual(done.returncode, 0, done.stderr)
        text = done.stdout
        self.assertIn("|  | round-trip, 64 B, one-core | round-trip, 4 KiB, one-core |\n", text)
        self.assertRegex(text, r"\| shared memory > Unix socket \| 1\.6")
        self.assertRegex(text, r"\| Unix socket > pipe \| \*\*0\.68")
        self.assertRegex(text, r"\| pipe > message queue \| \(?1\.1")
        self.assertRegex(text, r"FUSE file .*: round trip of 64 B, of a pipe's \| 5\.55 .* reached, the goal too")
        self.assertIn("\n| pipe | 11 ns | 11 ns | – |", text)
        self.assertRegex(text, r"\n\| fuse \| 5\.55 \| 5\.55 \| – \|")
        self.assertNotIn("$", text)
        self.assertIn("| fuse | 61", run(FOLDER / "figures", self.result).stdout)

    def test_a_difference_within_the_noise_is_none(self) -> None:
        cells = {("round-trip", peer, 64, 0): samples for peer, samples in NOISY.items()}
        text = run(FOLDER / "report", write_result(self.folder / "noisy.json", cells)).stdout
        self.assertIn("| Unix socket > pipe | (1) |", text)

    def test_reasons_are_given_for_what_is_not_reached_only(self) -> None:
        reason = "A round trip by the daemon"
        reached = run(FOLDER / "report", self.result).stdout
        self.assertNotIn(reason, reached)
        self.assertNotIn("not reached, and why", reached)
        slow = {("round-trip", "pipe", 64, 0): [10, 10, 10], ("round-trip", "fuse", 64, 0): [90, 90, 90]}
        missed = run(FOLDER / "report", write_result(self.folder / "slow.json", slow)).stdout
        self.assertIn(f"not reached, and why:\n\n- {reason}", missed)
        self.assertNotIn("Twice POSIX mq", missed)
        slow = {("round-trip", "pipe", 64, 0): [10, 10, 10], ("round-trip", "module", 64, 0): [90, 90, 90]}
        module = run(FOLDER / "report", write_result(self.folder / "module.json", slow, "instructions")).stdout
        self.assertNotIn(reason, module)

    def test_the_module_is_compared_by_instructions(self) -> None:
        counted = {("same-thread", "pipe", 64, 0): [10, 10, 10], ("same-thread", "module", 64, 0): [8, 8, 8]}
        counted |= {("same-thread", "fifo", 64, 0): [6, 6, 6]}
        text = run(FOLDER / "report", write_result(self.folder / "counted.json", counted, "instructions")).stdout
        self.assertIn("| pipe | 1.25 | – |", text)
        self.assertIn("| fifo | **0.75** | – |", text)


class Packed(unittest.TestCase):
    """Results of one machine in one file."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        cells = {("round-trip", "pipe", 64, 0): [10, 10, 10], ("round-trip", "fuse", 64, 0): [60, 60, 60]}
        emulated = {"processor": "QEMU TCG CPU", "processors": 1, "kernel": "6.1", "root": True}
        real = emulated | {"processor": "Some (R) CPU @ 3 GHz", "processors": 8}
        self.results = [
            write_result(self.folder / "counted.json", cells, "instructions", machine=emulated),
            write_result(self.folder / "timed.json", cells, machine=real),
        ]

    def pack(self, *options: str) -> subprocess.CompletedProcess[str]:
        return run(FOLDER / "pack", *options, "--into", self.folder, *self.results)

    def packed(self, *options: str) -> Path:
        done = self.pack("--measured", "2026-02-28", "--code", "commit abc", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return Path(done.stdout.strip())

    def test_the_file_is_named_for_the_machine_that_is_not_emulated(self) -> None:
        self.assertEqual(self.packed(), self.folder / "some-r-cpu-3-ghz-8.json.xz")

    def test_nothing_is_lost(self) -> None:
        results = load_all([self.packed()])
        self.assertEqual([result.name for result in results], ["counted", "timed"])
        for result, path in zip(results, self.results, strict=True):
            self.assertEqual(result.raw, json.loads(path.read_text(encoding="utf-8")))

    def test_the_document_says_when_and_of_what(self) -> None:
        text = run(FOLDER / "report", self.packed()).stdout
        self.assertIn("Measured on 2026-02-28, with the code of commit abc.\n", text)
        text = run(FOLDER / "report", self.packed("--note", "Two days old.")).stdout
        self.assertIn("commit abc. **Two days old.**\n", text)
        self.assertIn("It is not recorded when", run(FOLDER / "report", *self.results).stdout)

    def test_a_day_that_is_none_is_refused(self) -> None:
        done = self.pack("--measured", "yesterday", "--code", "x")
        self.assertEqual(done.returncode, 2)
        self.assertIn("must be a day like", done.stderr)

    def test_it_is_read_as_its_results_are(self) -> None:
        packed = self.packed()
        for program in ("report", "figures", "ipcdev-bench-targets"):
            alone, together = run(FOLDER / program, *self.results), run(FOLDER / program, packed)
            self.assertEqual(together.returncode, alone.returncode, together.stderr)
            tables = [[line for line in done.stdout.splitlines() if "|" in line] for done in (alone, together)]
            self.assertEqual(tables[0], tables[1], program)

    def test_what_is_damaged_is_refused(self) -> None:
        packed = self.packed()
        packed.write_bytes(packed.read_bytes()[:-20])
        done = run(FOLDER / "report", packed)
        self.assertEqual(done.returncode, 2)
        self.assertNotIn("Traceback", done.stderr)


class Committed(unittest.TestCase):
    """docs/performance.md is what the results in the repository come to, and of a size that is read."""

    MOST_LINES = 200
    MOST_PICTURES = 3

    @classmethod
    def setUpClass(cls) -> None:
        cls.page = (DOCS / "performance.md").read_text(encoding="utf-8")
        link = re.search(r"\]\((\S*\.json\.xz)\)", cls.page)
        assert link, "the page names no results"
        cls.results = DOCS / link[1]

    def test_it_is_short(self) -> None:
        self.assertLessEqual(len(self.page.splitlines()), self.MOST_LINES)
        self.assertLessEqual(len(re.findall(r"!\[", self.page)), self.MOST_PICTURES)

    def test_its_pictures_are_there_and_no_others(self) -> None:
        shown = re.findall(r"!\[.*\]\((.*\.svg)\)", self.page)
        self.assertGreater(len(shown), 0)
        self.assertEqual({DOCS / picture for picture in shown}, set((DOCS / "performance").iterdir()))

    def test_its_text_is_made_from_the_results(self) -> None:
        source = os.path.relpath(self.results, DOCS)
        made = run(FOLDER / "report", "--pictures", DOCS / "performance", "--source", source, self.results)
        self.assertEqual(made.stdout, self.page, "bench/document makes it anew")

    def test_its_pictures_are_made_from_the_results(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            done = run(FOLDER / "document", "--results", self.results, "--into", folder)
            if "gnuplot is missing" in done.stderr:
                self.skipTest(done.stderr)
            self.assertEqual(done.returncode, 0, done.stderr)
            for picture in (DOCS / "performance").iterdir():
                made = Path(folder) / "performance" / picture.name
                drawn_by = [re.search(r"GNUPLOT [^<]*", path.read_text(encoding="utf-8")) for path in (made, picture)]
                if drawn_by[0] and drawn_by[1] and drawn_by[0][0] != drawn_by[1][0]:
                    self.skipTest(f"drawn by {drawn_by[1][0]}, and this is {drawn_by[0][0]}")
                self.assertEqual(made.read_bytes(), picture.read_bytes(), "bench/document draws it anew")

    def test_every_figure_is_in_the_tables(self) -> None:
        text = run(FOLDER / "figures", self.results).stdout
        for result in load_all([self.results]):
            for name in {cell.measure for cell in result.cells.values() if cell.value}:
                self.assertIn(f"\n### {name}\n", text)
        measured = sum(bool(cell.value) for result in load_all([self.results]) for cell in result.cells.values())
        self.assertGreaterEqual(len(re.findall(r" ±\d+ %|(?<=\| )-?[\d.,]+M?(?=,? [×|])", text)), measured)


if __name__ == "__main__":
    unittest.main()
