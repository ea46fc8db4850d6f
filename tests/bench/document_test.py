# SPDX-License-Identifier: MIT
"""Pictures and the document, on a result made by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

from bench import FOLDER, TIMEOUT_S, run, write_result

CELLS = {
    ("round-trip", peer, size, 0): [cost, cost + 1, cost + 2]
    for peer, cost in (("fuse", 60), ("pipe", 10), ("unix-stream", 15), ("shm-futex", 9), ("posix-mq", 12))
    for size in (64, 4096)
}


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
        document = run(FOLDER / "report", "--pictures", self.folder / "pictures", self.result).stdout
        self.assertIn("(pictures/made-round-trip.svg)", document)

    def test_without_gnuplot_it_says_so(self) -> None:
        tools = self.folder / "tools"
        tools.mkdir()
        for tool in ("env", "python3"):
            (tools / tool).symlink_to(str(shutil.which(tool)))
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
        self.assertIn("| shared memory > Unix socket | round-trip, 64 B, one-core | 1.6", text)
        self.assertRegex(text, r"FUSE file .*: round trip of 64 B, of a pipe's \| 5\.55 .* reached, the goal too")
        self.assertIn("| fuse | 61", text)
        self.assertNotIn("$", text)

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


if __name__ == "__main__":
    unittest.main()
