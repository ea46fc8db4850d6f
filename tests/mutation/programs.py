# SPDX-License-Identifier: MIT
"""What is run to see whether a bug is caught."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ATTEMPTS = 3  # a race may need more than one run of its test to show
HUNG = -1  # for a status
NOT_TRIED = "needs root"  # for a verdict: what would show the bug is skipped for other users


class Failed(Exception):
    """What must work, and shows nothing if it does not."""


def run(command: Sequence[str | Path], timeout: float | None = None) -> tuple[int, str]:
    """Exit status, and all that it says: to a file, since who hangs on may keep a pipe open."""
    with tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, timeout=timeout, check=False
            )
            status = done.returncode
        except subprocess.TimeoutExpired:
            status = HUNG
        said.seek(0)
        return status, said.read().decode(errors="replace")


def must(command: Sequence[str | Path], what: str) -> None:
    status, said = run(command)
    if status != 0:
        raise Failed(f"{what}\n{tail(said)}")


def tail(said: str, lines: int = 30) -> str:
    return "\n".join(said.splitlines()[-lines:])


@dataclass(frozen=True)
class Tests:
    """A program of GoogleTest."""

    command: Sequence[str | Path]
    timeout: float = 300

    def names(self) -> set[str]:
        names, suite = set(), ""
        _, said = run([*self.command, "--gtest_list_tests"], self.timeout)
        for line in said.splitlines():
            if line.startswith(" "):
                names.add(suite + line.split()[0])
            elif line:
                suite = line.split()[0]
        return names

    def check_names(self, wanted: Iterable[str]) -> None:
        """A name that no test has would be a bug that nobody looks for."""
        if missing := sorted(set(wanted) - self.names()):
            raise Failed(f"there is no test named {', '.join(missing)}")

    def must_pass(self, tests: Iterable[str]) -> set[str]:
        """Those that were skipped, as some are that only root can run."""
        chosen = f"--gtest_filter={':'.join(sorted(set(tests)))}"
        status, said = run([*self.command, chosen], self.timeout)
        if status != 0:
            raise Failed(f"without a bug these tests must pass:\n{tail(said)}")
        return set(re.findall(r"^\[  SKIPPED \] (\S+) \(", said, re.MULTILINE))

    def fails(self, test: str) -> bool:
        """True if it failed for what it saw, and not because nothing ran."""
        status, said = run([*self.command, f"--gtest_filter={test}"], self.timeout)
        failed = status not in (0, HUNG) and (f"[  FAILED  ] {test}" in said or "watchdog: " in said)
        if status != 0 and not failed:
            print(f"{test} did not fail, but its program ended with {status}:\n{tail(said)}", flush=True)
        return failed


def conformance(programs: Path, device: Path, serve: str, watchdog_ms: int, *options: str) -> Tests:
    """The suite, which starts what has the bug with the command `serve`."""
    suite = programs / "tests/conformance/ipcdev-conformance"
    return Tests([suite, "--device", device, "--watchdog-ms", str(watchdog_ms), "--serve", serve, *options])


def shown_by_suite(suite: Tests, test: str) -> bool:
    return any(suite.fails(test) for _ in range(ATTEMPTS))


@dataclass(frozen=True)
class Differential:
    """Finds the difference, shrinks it, and can play it again."""

    with_bug: Path
    without: Path
    daemon: Path
    folder: Path

    def shows(self, most_steps: int) -> bool:
        trace = self.folder / "difference.trace"
        trace.unlink(missing_ok=True)
        if self._status(self.with_bug, "--trace", trace) != 1 or not trace.exists():
            return False
        lines = trace.read_text(encoding="utf-8").splitlines()
        steps = [line for line in lines if line and not line.startswith((" ", "scenario ", "device "))]
        return (
            0 < len(steps) <= most_steps
            and self._status(self.with_bug, "--replay", trace) == 1
            and self._status(self.without, "--replay", trace) == 0
        )

    def _status(self, program: Path, *options: str | Path) -> int:
        serve = f"{shlex.quote(str(self.daemon))} --transport fuse --path {{device}} --foreground"
        device = self.folder / "ipcdev"
        command = [program, "--device", device, "--serve", serve, "--hang-ms", "2000", *options]
        return run(command, timeout=300)[0]
