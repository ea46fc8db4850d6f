# SPDX-License-Identifier: MIT
"""What a run of the benchmark may leave behind: looked for, not assumed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def sysv_objects() -> list[str]:
    return [
        f"{kind}: {line}"
        for kind in ("msg", "sem", "shm")
        for line in Path(f"/proc/sysvipc/{kind}").read_text(encoding="utf-8").splitlines()[1:]
    ]


def shared_memory_files() -> list[str]:
    return [str(path) for path in Path("/dev/shm").glob("*ipcdev-bench*")]


def mounts_below(folder: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if str(folder) in line]


def processes_of(session: int) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _session_of(int(entry.name)) == session:
            found.append(entry.name)
    return found


def _session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1


class Place:
    """A folder for temporary files, and what there was before."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-test-")
        self.path = Path(self._folder.name)
        self._sysv = sysv_objects()
        self._files = shared_memory_files()

    def traces(self, session: int) -> list[str]:
        return [
            *(line for line in sysv_objects() if line not in self._sysv),
            *(file for file in shared_memory_files() if file not in self._files),
            *mounts_below(self.path),
            *(str(path) for path in self.path.iterdir()),
            *(f"process {pid}" for pid in processes_of(session)),
        ]

    def close(self) -> None:
        self._folder.cleanup()
