# SPDX-License-Identifier: MIT
"""Runs ipcdev-who, and the programs that it shall find."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import Any

WHO = os.environ["IPCDEV_WHO"]
PYTHON = "/usr/bin/python3"  # which any user may run
DEADLINE_S = 60  # an emulated machine takes its time
Row = dict[str, Any]

# What a program does once it has the device open as `fd`.
READ = "os.read(fd, 10)"
WRITE = "os.write(fd, b'four')"
POLL = "p = select.poll(); p.register(fd, select.POLLPRI); p.poll()"
SELECT = "select.select([], [], [fd])"
EPOLL = "p = select.epoll(); p.register(fd, select.EPOLLPRI); p.poll()"
POLL_ANOTHER = "r, _ = os.pipe(); p = select.poll(); p.register(r, select.POLLIN); p.poll()"
STAY = "signal.pause()"
READ_IN_A_THREAD = f"thread = threading.Thread(target=lambda: {READ}); thread.start(); {STAY}"
# Closes once the kernel shows the thread in its read: call number 0 on x86-64.
READ_AND_CLOSE = f"""thread = threading.Thread(target=lambda: {READ}); thread.start()
while not open(f"/proc/self/task/{{thread.native_id}}/syscall").read().startswith("0 "): os.sched_yield()
os.close(fd); {STAY}"""


def who(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [WHO, *arguments], capture_output=True, text=True, timeout=DEADLINE_S, check=False, **options
    )


def rows(device: str, *arguments: str) -> list[Row]:
    return json.loads(who(device, "--json", *arguments).stdout)


def start(device: str, action: str, **options: Any) -> subprocess.Popen[bytes]:
    program = f"import os, select, signal, threading; fd = os.open({device!r}, os.O_RDWR); {action}"
    return subprocess.Popen([PYTHON, "-c", program], **options)


def row_of(device: str, pid: int, **expected: object) -> Row:
    """The only row of the process, once it is as expected."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        shown = rows(device)
        found = [row for row in shown if row["pid"] == pid]
        if len(found) == 1 and expected.items() <= found[0].items():
            return found[0]
        if time.monotonic() > deadline:
            raise AssertionError(f"{pid} should have one row with {expected}, but this is shown: {shown}")
