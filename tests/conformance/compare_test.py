#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs compare on the results in compare_fixtures and looks at what it says."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE / "compare_fixtures"


def compare(*names: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "compare"), *options, *(str(FIXTURES / name) for name in names)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def row(text: str, sentence: str) -> list[str]:
    """The cells of the line with this sentence."""
    lines = [line for line in text.splitlines() if line.strip().startswith(sentence)]
    assert len(lines) == 1, f"{len(lines)} lines begin with '{sentence}' in:\n{text}"
    return lines[0].strip().removeprefix(sentence).split("  ")


def cells(text: str, sentence: str) -> list[str]:
    return [cell.strip() for cell in row(text, sentence) if cell.strip()]


class Compare(unittest.TestCase):
    def test_runs_that_agree_are_shown_side_by_side(self) -> None:
        done = compare("module.json", "fuse.json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("module: server module, kernel 6.1.0, user root", done.stdout)
        self.assertEqual(cells(done.stdout, "read of 0 bytes returns 0 at once"), ["pass", "pass"])
        self.assertIn("0 FAIL; 0 lines differ without declaring it", done.stdout)

    def test_lines_stand_under_their_chapters(self) -> None:
        lines = compare("module.json", "fuse.json").stdout.splitlines()
        read, end = (next(i for i, line in enumerate(lines) if line.startswith(word)) for word in ("Read ", "End of device "))
        sentence = next(i for i, line in enumerate(lines) if "read of 0 bytes" in line)
        self.assertTrue(read < sentence < end)

    def test_a_declared_difference_is_a_cell_with_a_note_and_no_failure(self) -> None:
        text = compare("module.json", "fuse.json").stdout
        self.assertEqual(cells(text, "stat shows a character device"), ["pass", "differs [1]"])
        self.assertIn("[1] a regular file", text)

    def test_a_skip_is_a_cell_with_its_reason_and_no_failure(self) -> None:
        text = compare("module.json", "fuse.json").stdout
        self.assertEqual(cells(text, "exit status 0"), ["-- [2]", "pass"])
        self.assertIn("[2] needs --serve", text)

    def test_a_line_of_several_tests_shows_the_worst_of_them(self) -> None:
        self.assertEqual(cells(compare("fuse.json").stdout, "a bad buffer: EFAULT"), ["pass"])
        self.assertEqual(cells(compare("failing.json").stdout, "a bad buffer: EFAULT"), ["FAIL [1]"])

    def test_a_failure_is_told_and_is_the_exit_status(self) -> None:
        done = compare("fuse.json", "failing.json")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(cells(done.stdout, "a bad buffer: EFAULT"), ["pass", "FAIL [1]"])
        self.assertIn("read.cpp:7: read 1, not 2", done.stdout)

    def test_a_line_that_a_run_lacks_differs_without_declaring_it(self) -> None:
        done = compare("fuse.json", "partial.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("this run has no such test", done.stdout)
        self.assertEqual(cells(done.stdout, "read of 0 bytes returns 0 at once (*)")[0], "pass")

    def test_a_skip_without_a_reason_differs_without_declaring_it(self) -> None:
        done = compare("partial.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("skipped without a reason", done.stdout)

    def test_a_problem_outside_of_tests_is_told_and_is_the_exit_status(self) -> None:
        done = compare("problem.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the server did not end well", done.stdout)

    def test_runs_with_the_same_label_are_numbered(self) -> None:
        text = compare("fuse.json", "fuse.json").stdout
        self.assertIn("fuse #1: ", text)
        self.assertIn("fuse #2: ", text)

    def test_a_skipped_test_stands_on_the_line_that_another_run_names(self) -> None:
        # The test names its line of the contract only where it runs.
        text = compare("module.json", "fuse.json").stdout
        self.assertNotIn("the exit status is 0", text)

    def test_what_is_no_result_is_refused(self) -> None:
        for content in ("", "{}", '{"tests": [{}]}', "[]"):
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                file.write(content)
                file.flush()
                done = compare(file.name)
                self.assertEqual(done.returncode, 2, content)
                self.assertIn("no result of the suite", done.stderr)
        self.assertEqual(compare("no-such-file.json").returncode, 2)

    def test_markdown_and_json_say_the_same(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            markdown, as_json = Path(folder) / "table.md", Path(folder) / "table.json"
            done = compare("module.json", "fuse.json", options=("--markdown", str(markdown), "--json", str(as_json)))
            self.assertEqual(done.returncode, 0)
            self.assertIn("| stat shows a character device | pass | differs [1] |", markdown.read_text())
            self.assertIn("## End of device", markdown.read_text())
            table = json.loads(as_json.read_text())
            self.assertTrue(table["agree"])
            line = next(line for line in table["lines"] if line["sentence"] == "stat shows a character device")
            self.assertEqual(line["outcomes"], {"module": "pass", "fuse": "declared difference"})


if __name__ == "__main__":
    unittest.main()
