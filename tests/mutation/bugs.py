# SPDX-License-Identifier: MIT
"""The form of a deliberate bug: a patch in tests/mutation/ROOM, that begins with

    SPDX-License-Identifier: ...
    A sentence that says what it breaks.
    Contract: R3 H5                        the clauses that it breaks, by the names of docs/contract.md
    Shown by: trace FILE.SCENARIO          what must catch it, a line each; what there is to write is in KINDS

The room says what the bug is in: the core, the daemon or the module.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOMS = {"core": "common/", "daemon": "cuse/", "kmod": "kmod/"}  # and where the files lie that a patch changes

# How each kind is written, and the rooms whose bugs it can show.
KINDS = {
    "trace": (re.compile(r"\w+\.\w+"), ("core",)),  # of tests/core/traces
    "undone": (re.compile(r"\w+\.\w+"), ("core",)),  # likewise, each call cut short and undone before it is done
    "differential": (re.compile(r"\d+ steps"), ("core",)),  # what it shrinks the difference to, at most
    "conformance": (re.compile(r"\w+\.\w+"), ("core", "daemon")),  # by a daemon with the bug, on a FUSE file
    "vm": (re.compile(r"\w+\.\w+"), ("kmod",)),  # the conformance test, by a module with the bug
}


class BadForm(Exception):
    """A patch is not of the form that is said above."""


@dataclass(frozen=True)
class Evidence:
    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.what}"


@dataclass(frozen=True)
class Bug:
    path: Path

    @property
    def room(self) -> str:
        return self.path.parent.name

    @property
    def name(self) -> str:
        return f"{self.room}/{self.path.stem}"

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def files(self) -> list[str]:
        """What it changes, from the top of the tree."""
        return re.findall(r"^\+\+\+ b/(\S+)", self.text, re.MULTILINE)

    @property
    def header(self) -> str:
        return self.text.split("\n--- ")[0]

    @cached_property
    def evidence(self) -> list[Evidence]:
        lines = re.findall(r"^Shown by: (\S+) (.*)$", self.header, re.MULTILINE)
        return [Evidence(kind, what) for kind, what in lines]

    def check(self) -> None:
        if self.room not in ROOMS:
            raise BadForm(f"{self.path}: lies in none of {', '.join(ROOMS)}")
        if not self.files or not all(file.startswith(ROOMS[self.room]) for file in self.files):
            raise BadForm(f"{self.name}: changes something else than {ROOMS[self.room]}")
        if not self.evidence or self.text.count("\nShown by: ") != len(self.evidence):
            raise BadForm(f"{self.name}: needs a line 'Shown by: KIND WHAT'")
        for shown in self.evidence:
            form, rooms = KINDS.get(shown.kind, (re.compile("$."), ()))
            if self.room not in rooms or not form.fullmatch(shown.what):
                raise BadForm(f"{self.name}: 'Shown by: {shown}' can't show a bug of that room")


def bug_of(name: str) -> Bug:
    """By its path, or as it is printed: ROOM/NAME."""
    path = Path(name) if name.endswith(".patch") else HERE / f"{name}.patch"
    if not path.is_file():
        raise BadForm(f"there is no bug {name}")
    return Bug(path.resolve())


def all_bugs() -> list[Bug]:
    return [Bug(path) for room in ROOMS for path in sorted((HERE / room).glob("*.patch"))]
