# SPDX-License-Identifier: MIT
"""Patches whose surroundings have changed, made to apply exactly again."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bugs import Bug
from programs import run

FUZZ = 2  # lines of context that may have changed, at each end of a hunk
CONTEXT = 2  # lines, so that few changes concern a patch


def applies(bug: Bug, top: Path, fuzz: int = 0) -> bool:
    return run(["patch", "-p1", f"-F{fuzz}", "--dry-run", "-d", top, "-i", bug.path])[0] == 0


def refresh(bug: Bug, top: Path) -> bool:
    """False if it has to be done by hand. What lines it changes is as before: whether that still is the bug, its
    evidence says."""
    if not applies(bug, top, FUZZ):
        return False
    with tempfile.TemporaryDirectory() as folder:
        for file in bug.files:
            (Path(folder) / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(top / file, Path(folder) / file)
        run(["patch", "-s", "-p1", f"-F{FUZZ}", "--no-backup-if-mismatch", "-d", folder, "-i", bug.path])
        diffs = [difference(top / file, Path(folder) / file, file) for file in bug.files]
    bug.path.write_text(bug.header + "\n" + "".join(diffs), encoding="utf-8")
    return True


def difference(old: Path, new: Path, name: str) -> str:
    return run(["diff", f"-U{CONTEXT}", "--label", f"a/{name}", old, "--label", f"b/{name}", new])[1]
