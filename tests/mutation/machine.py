# SPDX-License-Identifier: MIT
"""Bugs of the module: a module with each, and one virtual machine for all of them."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

from bugs import Bug, Evidence
from programs import Failed, Tests, conformance, must, run, shown_by_suite

KERNEL = "6.1"
SECONDS = "600"
WATCHDOG_MS = 30000  # for tests that take milliseconds, emulated and with 2,048 threads seconds, and hang on a bug
SOUND = "sound"


def build(top: Path, work: Path, headers: str, name: str, bug: Bug | None = None) -> None:
    tree = work / name / "tree"
    shutil.rmtree(work / name, ignore_errors=True)
    for folder in ("kmod", "common", "packaging"):
        shutil.copytree(top / folder, tree / folder)
    shutil.copy2(top / "CMakeLists.txt", tree)
    if bug:
        must(["patch", "-s", "-F0", "-d", tree, "-p1", "-i", bug.path], f"{bug.name} does not apply")
    must([tree / "kmod/build", headers, work / name], f"{name} does not build")


def build_all(top: Path, work: Path, bugs: list[Bug]) -> None:
    kernel = subprocess.check_output([top / "tests/vm/kernel", KERNEL], text=True).strip()
    release = Path(kernel).name
    headers = subprocess.check_output([top / "tests/kmod/headers", release], text=True).strip()
    build(top, work, headers, SOUND)
    for bug in bugs:
        build(top, work, headers, bug.path.stem, bug)


def boot(top: Path, inside: list[str | Path]) -> int:
    """Runs the command in a machine; its status."""
    options = ["--kernel", KERNEL, "--cpus", "1", "--timeout", SECONDS, "--append", "mitigations=off"]
    # Not the python3 of a version manager, whose shims take seconds there.
    return subprocess.call([top / "tests/vm/run", *options, "--", "/usr/bin/python3", *inside])


class Guest:
    """In the machine."""

    def __init__(self, top: Path, programs: Path, work: Path) -> None:
        self.top = top
        self.programs = programs
        self.work = work

    def suite(self, name: str) -> Tests:
        if Path("/sys/module/ipcdev").exists():  # of a suite that hung: its watchdog killed what serves
            run(["rmmod", "ipcdev"])
        serve = shlex.join([str(self.top / "tests/kmod/serve"), str(self.work / name / "ipcdev.ko")])
        return conformance(self.programs, Path("/dev/ipcdev"), serve, WATCHDOG_MS, "--slowness", "1")

    def prepare(self, bugs: list[Bug]) -> None:
        self.suite(SOUND).must_pass(shown.what for bug in bugs for shown in bug.evidence)

    def verdict(self, bug: Bug, evidence: list[Evidence]) -> str:
        for shown in evidence:
            if not shown_by_suite(self.suite(bug.path.stem), shown.what):
                return "SURVIVED"
        return "caught"


def check_names(programs: Path, bugs: list[Bug]) -> None:
    suite = conformance(programs, Path("none"), "true", WATCHDOG_MS)
    try:
        suite.check_names(shown.what for bug in bugs for shown in bug.evidence)
    except Failed as failed:
        raise Failed(f"of the module's bugs: {failed}") from None
