# SPDX-License-Identifier: MIT
"""An ipcdevd --keep, the process that serves for it, and the ioctls of the device."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO

SLOWNESS = float(os.environ.get("IPCDEV_SLOWNESS", "1"))
DEADLINE_S = 20 * SLOWNESS

FIFO, SLOT, RING = 1, 2, 3
FRAME = struct.Struct("<II")
INFO = struct.Struct("<8IQ5I4x")
STATS = struct.Struct("<I4x10Q")
CONFIGURE = struct.Struct("<4I16x")
BATCH = struct.Struct("<II")


def _number(direction: int, number: int, size: int) -> int:
    return direction << 30 | size << 16 | 0xE9 << 8 | number


IOC_INFO = _number(3, 1, INFO.size)
IOC_STATS = _number(3, 2, STATS.size)
IOC_CONFIGURE = _number(1, 4, CONFIGURE.size)
IOC_BATCH = _number(1, 6, BATCH.size)


def info(device: int) -> dict[str, int]:
    room = bytearray(INFO.size)
    struct.pack_into("<I", room, 0, INFO.size)
    fcntl.ioctl(device, IOC_INFO, room)
    names = "size abi server capabilities mode depth max_message queued bytes readers writers opens begun generation"
    return dict(zip(names.split(), INFO.unpack(room)))


def stats(device: int) -> dict[str, int]:
    room = bytearray(STATS.size)
    struct.pack_into("<I", room, 0, STATS.size)
    fcntl.ioctl(device, IOC_STATS, room)
    names = "size written bytes_written read bytes_read overwritten truncated cleared reader_parks writer_parks"
    return dict(zip([*names.split(), "interrupted"], STATS.unpack(room)))


def configure(device: int, mode: int, depth: int) -> None:
    fcntl.ioctl(device, IOC_CONFIGURE, CONFIGURE.pack(CONFIGURE.size, mode, depth, 0))


def switch_batch(device: int) -> None:
    fcntl.ioctl(device, IOC_BATCH, BATCH.pack(BATCH.size, 1))


def can_serve(transport: str) -> bool:
    if transport == "cuse":
        return os.access("/dev/cuse", os.R_OK | os.W_OK)
    return os.access("/dev/fuse", os.R_OK | os.W_OK) and (os.geteuid() == 0 or shutil.which("fusermount3") is not None)


def _file_of(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


class GaveUp(Exception):
    """The keeper has ended, or does not start another process."""


class Keeper:
    """Knows the process that serves by its parent, never by a name alone: other daemons may run here."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.kills: list[int] = []  # when: monotonic, ns
        self._last = 0

    def worker(self) -> int:
        """Of the keeper's children, the one that serves: others wait to unmount, or tell the layout of another program.
        0: there is none now."""
        try:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        except OSError:
            raise GaveUp("the keeper has ended") from None
        for child in children.split():
            try:
                lines = Path(f"/proc/{child}/status").read_text(encoding="utf-8").splitlines()
            except OSError:
                continue
            status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            ignores_sighup = int(status["SigIgn"], 16) & 1 << (signal.SIGHUP - 1)  # as the one that serves does
            is_child = status["Name"] == "ipcdevd" and status["State"][0] != "Z" and status["PPid"] == str(self.pid)
            if is_child and ignores_sighup:
                return int(child)
        return 0

    def next_worker(self) -> int:
        """Waits for one that was not killed by kill_worker() yet."""
        deadline = time.monotonic() + DEADLINE_S
        while (worker := self.worker()) in (0, self._last):
            if time.monotonic() > deadline:
                raise GaveUp(f"no other process serves after {DEADLINE_S} s")
            time.sleep(0.0001)
        return worker

    def kill_worker(self, by: signal.Signals = signal.SIGKILL) -> None:
        """By a descriptor: its number may be somebody else's by now."""
        while True:
            worker = self.next_worker()
            try:
                handle = os.pidfd_open(worker)
            except ProcessLookupError:
                continue
            try:
                if self.worker() == worker:
                    self.kills.append(time.monotonic_ns())
                    signal.pidfd_send_signal(handle, by)
                    self._last = worker
                    return
            except ProcessLookupError:
                self.kills.pop()
            finally:
                os.close(handle)


class Server(Keeper):
    """ipcdevd --keep on a FUSE file in a folder of its own, which is removed with it, or on a CUSE device. Its program is
    a copy, in that folder."""

    def __init__(
        self,
        program: str,
        *options: str,
        transport: str = "fuse",
        log_level: str = "error",
        log: IO[str] | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ipcdev-keep-", ignore_cleanup_errors=True)
        os.chmod(self._folder.name, 0o755)
        self.program = f"{self._folder.name}/ipcdevd"
        self.upgrades = 0
        self._original = program
        self._expected: tuple[int, int] | None = None  # identifies the file
        if transport == "cuse":
            name = f"ipcdev-keep-{os.getpid()}"
            self.path = f"/dev/{name}"
            place = ["--name", name]
        else:
            self.path = f"{self._folder.name}/device"
            place = ["--path", self.path]
        shutil.copy(program, self.program)
        command = [self.program, "--keep", "--transport", transport, *place, "--log-level", log_level, *options]
        self._process = subprocess.Popen(command, stderr=log)
        super().__init__(self._process.pid)
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                device = os.open(self.path, os.O_RDONLY)
            except OSError:
                time.sleep(0.005)
                continue
            try:
                if info(device)["abi"] == 1:
                    return
            except OSError:
                pass  # the file beneath, before the mount
            finally:
                os.close(device)
        raise GaveUp("ipcdevd did not start: see its message above")

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def end(self) -> str:
        """Ends it by SIGTERM. Returns what is wrong then; nothing, if it ends as it should."""
        self._process.terminate()
        return self.ends_with(0)

    def ends_with(self, expected: int) -> str:
        """Waits for the end. Returns what is wrong with the keeper's status, minus a signal's number if one killed it,
        or what is left behind."""
        try:
            if (status := self._process.wait(DEADLINE_S)) != expected:
                return f"the keeper's status is {status}, not {expected}"
        except subprocess.TimeoutExpired:
            return f"the keeper does not end within {DEADLINE_S} s"
        return self._what_is_left()

    def _what_is_left(self) -> str:
        deadline = time.monotonic() + DEADLINE_S
        while os.path.lexists(self.path):
            if time.monotonic() > deadline:
                return f"{self.path} is still there"
            time.sleep(0.005)
        return ""

    def install(self, program: str | None = None) -> None:
        """As package managers do. None: the same program, as another file."""
        shutil.copy(program or self._original, self.program + ".new")
        os.replace(self.program + ".new", self.program)

    def begin_upgrade(self, program: str | None = None) -> None:
        """Waits for the one before."""
        self.wait_for_upgrade()
        self.install(program)
        self._expected = _file_of(self.program)
        os.kill(self.pid, signal.SIGHUP)

    def wait_for_upgrade(self) -> None:
        if self._expected is None:
            return
        deadline = time.monotonic() + DEADLINE_S
        while not self._serves_as(self._expected):
            if self._process.poll() is not None:
                raise GaveUp(f"the keeper ended with status {self._process.returncode}")
            if time.monotonic() > deadline:
                raise GaveUp(f"the program that was installed does not serve after {DEADLINE_S} s")
            time.sleep(0.0005)
        self._expected = None
        self.upgrades += 1

    def upgrade(self, program: str | None = None) -> None:
        self.begin_upgrade(program)
        self.wait_for_upgrade()

    def _serves_as(self, file: tuple[int, int]) -> bool:
        try:
            worker = self.worker()
            return worker != 0 and _file_of(f"/proc/{self.pid}/exe") == _file_of(f"/proc/{worker}/exe") == file
        except OSError:
            return False

    def stop(self) -> int:
        """Returns the keeper's exit status."""
        self._process.terminate()
        try:
            status = self._process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._take_off_what_is_left()
        self._folder.cleanup()
        return status

    def _take_off_what_is_left(self) -> None:
        deadline = time.monotonic() + 2
        while self._is_mounted() and time.monotonic() < deadline:
            time.sleep(0.02)
        if self._is_mounted():
            unmount = ["umount", "-l"] if os.geteuid() == 0 else ["fusermount3", "-uz"]
            subprocess.run([*unmount, self.path], check=False)

    def _is_mounted(self) -> bool:
        return f" {self._folder.name}/" in Path("/proc/self/mounts").read_text(encoding="utf-8")

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
