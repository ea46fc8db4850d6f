# SPDX-License-Identifier: MIT
"""An ipcdevd that serves a FUSE file in a folder of its own, and programs that use it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

IPCDEVD = os.environ["IPCDEVD"]
IPCDEVCTL = os.environ["IPCDEVCTL"]
NOBODY = 65534
DEADLINE_S = 20


class Daemon:
    """Serves `path` from construction to stop(). Everybody may enter the folder, so that permissions decide."""

    def __init__(self, *options: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ipcdevctl-")
        os.chmod(self._folder.name, 0o755)
        self.path = Path(self._folder.name) / "device"
        self._parked: list[subprocess.Popen[bytes]] = []
        self._process = subprocess.Popen(
            [IPCDEVD, "--path", self.path, "--log-level", "warn", *options]
        )
        try:
            wait_until(self._serves)
        except Exception:
            self.stop()
            raise

    def ctl(self, *arguments: str, user: int | None = None) -> subprocess.CompletedProcess[str]:
        """Runs ipcdevctl on the device, as another user from a copy: he may not reach the build's folder."""
        program = IPCDEVCTL if user is None else shutil.copy(IPCDEVCTL, self._folder.name)
        return ctl("--device", str(self.path), *arguments, user=user, program=program)

    def write(self, *messages: bytes) -> None:
        with open(self.path, "wb", buffering=0) as device:
            for message in messages:
                device.write(message)

    def read(self) -> bytes:
        with open(self.path, "rb", buffering=0) as device:
            return os.read(device.fileno(), 65536)

    def park_reader(self, count: int) -> int:
        """Returns the pid of a process whose read is parked."""
        parked = len(self._parked)
        command = ["dd", f"if={self.path}", "of=/dev/null", f"bs={count}", "count=1", "status=none"]
        self._parked.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        wait_until(lambda: self.ctl("waiters").stdout.count("read") == parked + 1)
        return self._parked[-1].pid

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """With the process that takes the mount off, so that it stays."""
        for child in self._children():
            os.kill(child, signal.SIGKILL)
            wait_until(lambda child=child: "(ipcdevd-unmount) Z" in stat_of(child))
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(DEADLINE_S)
        for process in self._parked:
            process.kill()
            process.wait()
        for place in self._mounts():
            unmount = ["umount"] if os.geteuid() == 0 else ["fusermount3", "-u"]
            subprocess.run([*unmount, place], check=True)
        self._folder.cleanup()

    def _serves(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError("ipcdevd did not start: see its message above")
        return self.ctl("info").returncode == 0

    def _children(self) -> list[int]:
        parent = f") S {self._process.pid} "
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in pids if parent in stat_of(pid)]

    def _mounts(self) -> list[str]:
        """Those that are left in the folder."""
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        places = [line.split()[1] for line in lines]
        return [place for place in places if place.startswith(f"{self._folder.name}/")]


def ctl(
    *arguments: str, user: int | None = None, program: str = IPCDEVCTL
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        cwd="/",
        check=False,
    )


def stat_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""  # it has ended


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not true after {DEADLINE_S} s")
        os.sched_yield()
