# SPDX-License-Identifier: MIT
"""Bugs of the core and the daemon: put into a copy of the sources one after the other, and built there."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from bugs import Bug, Evidence, all_bugs
from programs import NOT_TRIED, Differential, Failed, Tests, conformance, run, shown_by_suite, tail

TARGETS = {
    "trace": "core_traces",
    "undone": "core_undone_traces",
    "differential": "ipcdev-differential",
    "conformance": "ipcdevd",
}
WATCHDOG_MS = 6000  # for tests that take milliseconds, and hang on a bug


class Tree:
    """A copy of the sources, and its build, which is kept so that the next run is faster."""

    def __init__(self, top: Path, work: Path) -> None:
        self.top = top
        self.source = work / "source"
        self.build_folder = work / "build"

    def copy_sources(self) -> None:
        """With old times, so that only what a patch touches is compiled again; by the last run too, which may have
        left it with a bug."""
        shutil.rmtree(self.source, ignore_errors=True)
        names = [path.name for path in self.top.iterdir() if path.name != "build" and not path.name.startswith(".")]
        for name in names:
            path = self.top / name
            if path.is_dir():
                shutil.copytree(path, self.source / name, symlinks=True)
            else:
                self.source.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, self.source / name)
        for file in {file for bug in all_bugs() for file in bug.files}:
            (self.source / file).touch()

    def build(self, targets: list[str]) -> str:
        """What the compiler says if it fails. Warnings are no errors: a bug may well leave a variable unused."""
        if not (self.build_folder / "build.ninja").exists():
            options = ["-DCMAKE_BUILD_TYPE=Debug", "-DIPCDEV_WERROR=OFF", "-DIPCDEV_SECOND_BUILD=ON"]
            status, said = run(["cmake", "-S", self.source, "-B", self.build_folder, "-G", "Ninja", *options])
            if status != 0:
                return said
        status, said = run(["cmake", "--build", self.build_folder, "--target", *targets])
        return said if status != 0 else ""

    def apply(self, bug: Bug) -> bool:
        command = ["patch", "-s", "-p1", "-F0", "--no-backup-if-mismatch", "-r", "-", "-d", self.source, "-i", bug.path]
        applied = run(command)[0] == 0
        for file in bug.files:
            (self.source / file).touch()
        return applied

    def revert(self, bug: Bug) -> None:
        for file in bug.files:
            shutil.copyfile(self.top / file, self.source / file)  # with a new time


class Host:
    def __init__(self, top: Path, programs: Path, work: Path) -> None:
        self.tree = Tree(top, work)
        self.programs = programs
        self.skipped: set[str] = set()  # tests that this user can't run
        # Root serves a file only in folders that are root's alone; other users' clients come too.
        self.folder = Path(tempfile.mkdtemp())
        self.folder.chmod(0o755)

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def traces(self, kind: str) -> Tests:
        return Tests([self.tree.build_folder / "tests/core" / TARGETS[kind]])

    def suite(self) -> Tests:
        daemon = shlex.quote(str(self.tree.build_folder / "cuse/ipcdevd"))
        serve = f"{daemon} --transport fuse --path {{device}} --foreground --log-level off"
        return conformance(self.programs, self.folder / "ipcdev", serve, WATCHDOG_MS)

    def differential(self) -> Differential:
        program = "tests/differential/ipcdev-differential"
        return Differential(
            self.tree.build_folder / program, self.programs / program, self.programs / "cuse/ipcdevd", self.folder
        )

    def prepare(self, bugs: list[Bug], kinds: list[str]) -> None:
        """What is not broken must build, and pass."""
        shown = [evidence for bug in bugs for evidence in bug.evidence]
        self.tree.copy_sources()
        if said := self.tree.build([TARGETS[kind] for kind in TARGETS if kind in kinds]):
            raise Failed(f"without a bug it does not build:\n{tail(said)}")
        for kind, tests in (
            ("trace", self.traces("trace")),
            ("undone", self.traces("undone")),
            ("conformance", self.suite()),
        ):
            if wanted := [evidence.what for evidence in shown if evidence.kind == kind and kind in kinds]:
                tests.check_names(wanted)
                self.skipped |= tests.must_pass(wanted)

    def verdict(self, bug: Bug, evidence: list[Evidence]) -> str:
        if os.geteuid() != 0 and any(shown.what in self.skipped for shown in evidence):
            return NOT_TRIED
        try:
            if not self.tree.apply(bug):
                return "DOES NOT APPLY"
            if self.tree.build([TARGETS[shown.kind] for shown in evidence]):
                return "DOES NOT BUILD"
            return "caught" if all(self.is_caught(shown) for shown in evidence) else "SURVIVED"
        finally:
            self.tree.revert(bug)

    def is_caught(self, shown: Evidence) -> bool:
        judges: dict[str, Callable[[str], bool]] = {
            "trace": lambda test: self.traces("trace").fails(test),
            "undone": lambda test: self.traces("undone").fails(test),
            "differential": lambda steps: self.differential().shows(int(steps.split()[0])),
            "conformance": lambda test: shown_by_suite(self.suite(), test),
        }
        return judges[shown.kind](shown.what)
