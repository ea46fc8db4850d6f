#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs compare on the results in compare_fixtures and looks at what it says."""

import json
import re
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


def cells(text: str, clause: str) -> list[str]:
    """Of the row of this clause: how many tests it has, and what the runs say."""
    lines = [line for line in text.splitlines() if line.startswith(f"{clause} ")]
    assert len(lines) == 1, f"{len(lines)} lines begin with '{clause}' in:\n{text}"
    return re.split(r"  +", lines[0])[1:]


class Compare(unittest.TestCase):
    def test_runs_that_agree_are_shown_side_by_side(self) -> None:
        done = compare("module.json", "fuse.json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("module: server module, kernel 6.1.0, user root", done.stdout)
        self.assertEqual(cells(done.stdout, "R1"), ["1", "pass", "pass"])
        summary = "5 clauses shown by 5 tests, 2 runs: 8 pass, 1 differ as declared, 1 not run, 0 FAIL; 0 differ"
        self.assertIn(summary, done.stdout)

    def test_clauses_stand_in_the_order_of_the_contract_with_their_first_words(self) -> None:
        text = compare("module.json", "fuse.json").stdout
        lines = [line for line in text.splitlines() if re.match(r"[A-Z]\d+ ", line)]
        names = [line.split()[0] for line in lines]
        self.assertTrue(names.index("M3") < names.index("R1") < names.index("R7") < names.index("E2"))
        self.assertTrue(any(line.startswith("R1 0 bytes: returns 0") for line in lines))

    def test_a_clause_without_a_test_in_the_suite_has_a_row(self) -> None:
        self.assertEqual(cells(compare("fuse.json").stdout, "W9"), ["0", "--"])

    def test_a_test_counts_for_each_of_its_clauses(self) -> None:
        text = compare("failing.json").stdout
        self.assertEqual(cells(text, "R7"), ["2", "1 FAIL"])
        self.assertEqual(cells(text, "M3"), ["1", "1 FAIL"])

    def test_a_declared_difference_is_counted_and_told_and_is_no_failure(self) -> None:
        text = compare("module.json", "fuse.json").stdout
        self.assertEqual(cells(text, "M5"), ["1", "pass", "1 differ"])
        self.assertIn("differ: a regular file\n    fuse: Differences.Stat (M5)\n", text)

    def test_a_skip_is_counted_and_told_with_its_reason_and_is_no_failure(self) -> None:
        text = compare("module.json", "fuse.json").stdout
        self.assertEqual(cells(text, "E2"), ["1", "1 not run", "pass"])
        self.assertIn("not run: needs --serve\n    module: EndOfDevice.TheExitStatusIs0 (E2)\n", text)

    def test_a_test_that_is_skipped_everywhere_is_told_though_its_clauses_are_not_known(self) -> None:
        text = compare("module.json").stdout
        self.assertEqual(cells(text, "E2"), ["0", "--"])
        self.assertIn("module: EndOfDevice.TheExitStatusIs0 (its clauses are not known)\n", text)

    def test_a_failure_is_told_and_is_the_exit_status(self) -> None:
        done = compare("fuse.json", "failing.json")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(cells(done.stdout, "R7"), ["2", "pass", "1 FAIL"])
        told = "FAIL: read.cpp:7: read 1, not 2\n    failing: Read.IntoABadBufferOfASlot (M3 R7)\n"
        self.assertIn(told, done.stdout)

    def test_a_test_that_a_run_lacks_differs_without_declaring_it(self) -> None:
        done = compare("fuse.json", "partial.json")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(cells(done.stdout, "R1"), ["1", "pass", "1 not run"])
        lacking = "Read.Of0BytesReturns0, EndOfDevice.TheExitStatusIs0 (R1 E2)"
        self.assertIn(f"not run (*): this run has no such test\n    partial: {lacking}\n", done.stdout)
        self.assertIn("3 differ without declaring it", done.stdout)

    def test_a_skip_without_a_reason_differs_without_declaring_it(self) -> None:
        done = compare("partial.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("not run (*): skipped without a reason\n    partial: Differences.Stat (M5)\n", done.stdout)

    def test_a_problem_outside_of_tests_is_told_and_is_the_exit_status(self) -> None:
        done = compare("problem.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the server did not end well", done.stdout)

    def test_runs_with_the_same_label_are_numbered(self) -> None:
        text = compare("fuse.json", "fuse.json").stdout
        self.assertIn("fuse #1: ", text)
        self.assertIn("fuse #2: ", text)

    def test_many_tests_with_one_reason_are_only_counted_unless_they_fail(self) -> None:
        names = [f"Test{i}" for i in range(4)]
        for outcome, told in (("skip", "fuse: 4 of Signals (H3)"), ("fail", "fuse: Signals.Test0, Signals.Test1, ")):
            tests = [
                {"chapter": "Signals", "name": name, "clauses": ["H3"], "outcome": outcome, "message": "slow"}
                for name in names
            ]
            result = json.loads((FIXTURES / "fuse.json").read_text()) | {"tests": tests}
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                json.dump(result, file)
                file.flush()
                self.assertIn(told, compare(file.name).stdout)

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
            self.assertRegex(markdown.read_text(), r"\| M5 .* \| 1 \| pass \| 1 differ \|")
            self.assertIn("| differ: a regular file | fuse | M5 | Differences.Stat |", markdown.read_text())
            table = json.loads(as_json.read_text())
            self.assertTrue(table["agree"])
            row = next(row for row in table["clauses"] if row["clause"] == "M5")
            self.assertEqual(row["outcomes"], {"module": {"pass": 1}, "fuse": {"declared difference": 1}})
            self.assertEqual([finding["clauses"] for finding in table["findings"]], [["M5"], ["E2"]])


    def test_on_the_page_what_passed_everywhere_is_a_sentence_and_has_no_row(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "table.md"
            compare("module.json", "fuse.json", options=("--markdown", str(page)))
            text = page.read_text()
            passed = re.search(r"passed all of their tests[^:]*: ([^.]*)\.", text)
            elsewhere = re.search(r"Tested elsewhere[^:]*: ([^.]*)\.", text)
            assert passed and elsewhere
            self.assertEqual(passed[1].split(), ["M3", "(1),", "R1", "(1),", "R7", "(2)"])
            self.assertIn("W9", elsewhere[1].replace("\n", " ").split(", "))
            self.assertEqual(re.findall(r"^\| ([A-Z]\d+) ", text, re.MULTILINE), ["M5", "E2"])

    def test_a_clause_that_failed_in_one_run_alone_is_a_row_of_the_page(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "table.md"
            compare("fuse.json", "failing.json", options=("--markdown", str(page)))
            self.assertRegex(page.read_text(), r"\| R7 .* \| 2 \| pass \| 1 FAIL \|")


if __name__ == "__main__":
    unittest.main()
