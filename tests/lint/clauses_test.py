#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that the lint 'clauses' finds what it is for, in small trees with one mistake each."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CLAUSES = Path(__file__).resolve().parent / "clauses"

SOUND = {
    "docs/contract.md": "# The contract\n\n- **R1** 0 bytes: as W1.\n  More.\n- **W1** 0 bytes.\n- **W9** Memory.\n",
    "common/uapi/ipcdev.h": "/* read(2)  0 bytes: returns 0 (R1) */\n#define IPCDEV_CAP_NOWAIT (1U << 3)\n",
    "tests/conformance/read.cpp": 'TEST_F(Read, Of0Bytes) {\n    contract("R1", "W1");\n    read(a);\n}\n',
    "tests/core/traces/write.trace": "scenario Nothing is written\ncontract W1\nA: write \"\"\n    A: done 0\n",
    "tests/daemon/memory_test.cpp": "// Contract: W9\nTEST_P(Memory, IsBounded) {\n}\n",
    "tests/mutation/core/more.patch": "It reads more.\nContract: R1\nShown by: conformance Read.Of0Bytes\n\n--- a/x\n+++ b/x\n",
}


def lint(changed: dict[str, str], *options: str) -> tuple[int, list[str]]:
    """The exit status and what is said of the sound tree with these files changed."""
    with tempfile.TemporaryDirectory() as top:
        for name, text in {**SOUND, **changed}.items():
            path = Path(top) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        command = [sys.executable, str(CLAUSES), *options, top]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


def edited(name: str, old: str, new: str) -> dict[str, str]:
    assert old in SOUND[name]
    return {name: SOUND[name].replace(old, new)}


class Clauses(unittest.TestCase):
    def expect(self, changed: dict[str, str], *problems: str) -> None:
        self.assertEqual(lint(changed), (1, list(problems)))

    def test_a_sound_tree_has_no_problem(self) -> None:
        self.assertEqual(lint({}), (0, []))

    def test_a_clause_needs_a_test(self) -> None:
        contract = SOUND["docs/contract.md"] + "- **W2** One message.\n"
        self.expect({"docs/contract.md": contract}, "docs/contract.md: no test names W2")

    def test_a_deliberate_bug_is_no_test(self) -> None:
        contract = {"docs/contract.md": SOUND["docs/contract.md"] + "- **W2** One message.\n"}
        bug = edited("tests/mutation/core/more.patch", "R1", "R1 W2")
        self.expect({**contract, **bug}, "docs/contract.md: no test names W2")

    def test_a_name_is_that_of_a_clause_wherever_it_stands(self) -> None:
        for name, old, new, where in (
            ("tests/conformance/read.cpp", '"W1"', '"W1", "R77"', "tests/conformance/read.cpp: Read.Of0Bytes"),
            ("tests/core/traces/write.trace", "W1", "W1 R77", "tests/core/traces/write.trace: Nothing is written"),
            ("tests/daemon/memory_test.cpp", "W9", "W9 R77", "tests/daemon/memory_test.cpp"),
            ("tests/mutation/core/more.patch", "R1", "R1 R77", "tests/mutation/core/more.patch"),
        ):
            self.expect(edited(name, old, new), f"{where} names R77, which is no clause")

    def test_a_name_in_prose_is_that_of_a_clause(self) -> None:
        for name in ("docs/contract.md", "common/uapi/ipcdev.h"):
            self.expect({name: SOUND[name] + "See R77.\n"}, f"{name} names R77, which is no clause")

    def test_each_conformance_test_names_its_clauses_first_of_all(self) -> None:
        name = "tests/conformance/read.cpp"
        unnamed = "tests/conformance/read.cpp: Read.OfMore names no clause"
        more = SOUND[name] + "\nTEST_P(Read, OfMore) {\n    read(a);\n"
        self.expect({name: more + "}\n"}, unnamed)
        self.expect({name: more + '    contract("R1");\n}\n'}, unnamed)

    def test_each_scenario_names_its_clauses(self) -> None:
        name = "tests/core/traces/write.trace"
        more = SOUND[name] + '\nscenario Something is written\nA: write "x"\n'
        self.expect({name: more}, f"{name}: Something is written names no clause")

    def test_each_deliberate_bug_names_its_clauses_before_the_diff(self) -> None:
        name = "tests/mutation/core/more.patch"
        text = SOUND[name].replace("Contract: R1\n", "") + "Contract: R1\n"
        self.expect({name: text}, f"{name} names no clause")

    def test_a_name_is_of_one_clause(self) -> None:
        contract = SOUND["docs/contract.md"] + "- **R1** Again.\n"
        self.expect({"docs/contract.md": contract}, "docs/contract.md: R1 is the name of two clauses")

    def test_all_that_names_a_clause_is_listed(self) -> None:
        named = [
            "tests/conformance/read.cpp: Read.Of0Bytes",
            "tests/core/traces/write.trace: Nothing is written",
            "docs/contract.md",
        ]
        self.assertEqual(lint({}, "--of", "W1"), (0, named))
        self.assertEqual(lint({}, "--of", "R77")[0], 1)

    def test_a_range_names_all_of_its_clauses(self) -> None:
        name = "common/uapi/ipcdev.h"
        self.expect({name: SOUND[name] + "[R1 to R3]\n"}, f"{name} names R2, which is no clause",
                    f"{name} names R3, which is no clause")

    def test_a_tree_without_a_contract_is_refused(self) -> None:
        self.assertEqual(lint({"docs/contract.md": "# Nothing\n"})[0], 2)


if __name__ == "__main__":
    unittest.main()
