# SPDX-License-Identifier: MIT
"""Client processes. Each notes what its calls returned where it outlives the process, which may be killed."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import random
import select
import signal
import struct
import time
from collections.abc import Callable
from typing import NoReturn

import cells
import kept

LARGEST = 65536
BATCH_BYTES = 16384
BATCH_BYTES_MAX = 126976
LATE_S = 2.0 * kept.SLOWNESS  # a call that signals interrupt, or a poller that may read, waits for less
TICK_S = 0.003  # between these signals

_libc = ctypes.CDLL(None, use_errno=True)
_ENTRY = struct.Struct("<B3xHHHHI")  # kind, writer, first, cells, total, sequence
PART, ERROR, LATE, MISSED, CORRUPT, PAUSE = range(6)

RUN, NO_MORE_WRITES, END = range(3)
_SLOT = struct.Struct("<QB7x")


class Board:
    """What all processes see: the phase, and for each client how many of its messages were written, and whether it
    is in a call."""

    def __init__(self, clients: int) -> None:
        self._map = mmap.mmap(-1, (clients + 1) * _SLOT.size)

    @property
    def phase(self) -> int:
        return self._map[0]

    @phase.setter
    def phase(self, phase: int) -> None:
        self._map[0] = phase

    def set_written(self, client: int, messages: int) -> None:
        struct.pack_into("<Q", self._map, (client + 1) * _SLOT.size, messages)

    def set_in_call(self, client: int, is_in_call: bool) -> None:
        self._map[(client + 1) * _SLOT.size + 8] = is_in_call

    def of(self, client: int) -> tuple[int, bool]:
        written, is_in_call = _SLOT.unpack_from(self._map, (client + 1) * _SLOT.size)
        return written, bool(is_in_call)


def entries_of(log: int) -> list[tuple[int, int, int, int, int, int]]:
    """kind, writer, first, cells, total, sequence"""
    data = os.pread(log, os.fstat(log).st_size, 0)
    return list(_ENTRY.iter_unpack(data[: len(data) // _ENTRY.size * _ENTRY.size]))


class Failed(Exception):
    """A call got an error that it must not get. It is noted."""


class Client:
    """Runs in a process of its own. `number`: its place on the board, and the writer's number in messages."""

    def __init__(self, path: str, board: Board, number: int, log: int, seed: int) -> None:
        self.path, self.board, self.number, self.log = path, board, number, log
        self.random = random.Random(seed)
        self.device = -1
        self.sequence = 0
        self.room = ctypes.create_string_buffer(BATCH_BYTES_MAX)

    def note(self, kind: int, part: cells.Part = cells.Part(0, 0, 0, 0, 0)) -> None:
        os.write(self.log, _ENTRY.pack(kind, part.writer, part.first, part.cells, part.total, part.sequence))

    def fail(self, kind: int, what: int) -> NoReturn:
        self.note(kind, cells.Part(what, 0, 0, 0, 0))
        raise Failed

    def reopen(self, flags: int) -> None:
        if self.device != -1:
            os.close(self.device)
        try:
            self.device = os.open(self.path, flags)
        except OSError as error:
            self.fail(ERROR, error.errno or 0)

    def call(self, function: Callable[..., int], data: object, count: int) -> int:
        """Bytes, or minus an errno: EINTR, EAGAIN."""
        begin = time.monotonic()
        got = function(self.device, data, count)
        error = ctypes.get_errno() if got == -1 else 0
        if self.is_prompt and time.monotonic() - begin > LATE_S:
            self.note(LATE)
        if error not in (0, errno.EINTR, errno.EAGAIN):
            self.fail(ERROR, error)
        return -error if got == -1 else got

    is_prompt = False  # no call of it takes long: it is interrupted, or never parks

    def interrupt_every(self, seconds: float) -> None:
        self.is_prompt = True
        signal.setitimer(signal.ITIMER_REAL, self.random.uniform(seconds / 2, seconds), seconds)


# --- writers


def _size(client: Client) -> int:
    return client.random.choice((1, 1, 2, 3, 5, 16, 16, 64, 256))


def _wait_for_room(client: Client) -> None:
    poller = select.poll()
    poller.register(client.device, select.POLLOUT)
    poller.poll(100)


def write_each(client: Client, flags: int = 0) -> None:
    client.reopen(os.O_WRONLY | flags)
    data = cells.message(client.number, 0, 1)
    while client.board.phase == RUN:
        got = client.call(_libc.write, data, len(data))
        if got == -errno.EAGAIN:
            _wait_for_room(client)
        if got < 0:
            continue
        if got != len(data):
            client.fail(CORRUPT, 0)
        client.sequence += 1
        client.board.set_written(client.number, client.sequence)
        data = cells.message(client.number, client.sequence, _size(client))
        if client.random.random() < 0.02:
            client.reopen(os.O_WRONLY | flags)


def write_without_waiting(client: Client) -> None:
    write_each(client, os.O_NONBLOCK)


def write_interrupted(client: Client) -> None:
    client.interrupt_every(TICK_S)
    write_each(client)


MOST_FRAMES = 8


def write_batches(client: Client) -> None:
    client.reopen(os.O_WRONLY)
    kept.switch_batch(client.device)
    frames: list[bytes] = []
    while client.board.phase == RUN:
        while len(frames) < client.random.randint(1, MOST_FRAMES):
            data = cells.message(client.number, client.sequence + len(frames), client.random.choice((1, 2, 16, 64)))
            padding = bytes(-len(data) % 8)
            frames.append(kept.FRAME.pack(len(data), 0) + data + padding)
        batch = b"".join(frames)
        got = client.call(_libc.write, batch, len(batch))
        while got > 0:
            got -= len(frames.pop(0))
            client.sequence += 1
        client.board.set_written(client.number, client.sequence)


# --- readers


def _take(client: Client, data: bytes) -> cells.Part:
    try:
        part = cells.part_of(data)
    except cells.Corrupt:
        client.fail(CORRUPT, 1)
    client.note(PART, part)
    return part


def _read(client: Client, count: int) -> cells.Part | int:
    """What was read, or minus an errno."""
    client.board.set_in_call(client.number, True)
    got = client.call(_libc.read, client.room, count)
    if got == 0:
        client.fail(CORRUPT, 2)
    taken = got if got < 0 else _take(client, ctypes.string_at(client.room, got))
    client.board.set_in_call(client.number, False)
    return taken


def read_each(client: Client) -> None:
    client.reopen(os.O_RDONLY)
    while client.board.phase != END:
        _read(client, LARGEST)
        if client.random.random() < 0.02:
            client.reopen(os.O_RDONLY)


def read_interrupted(client: Client) -> None:
    client.interrupt_every(TICK_S)
    read_each(client)


def read_interrupted_at_once(client: Client) -> None:
    client.interrupt_every(TICK_S / 20)
    read_each(client)


def read_in_parts(client: Client, closes: bool = True) -> None:
    """A few cells at a time, and sometimes closes before the end: the rest goes to another reader (O3)."""
    client.reopen(os.O_RDONLY)
    left = 0
    while client.board.phase != END or left != 0:
        part = _read(client, cells.BYTES * client.random.choice((1, 2, 7, 40)))
        if isinstance(part, cells.Part):
            left = part.total - part.first - part.cells
        if left == 0 or (closes and client.random.random() < 0.02):
            if client.random.random() < 0.1 or left != 0:
                client.reopen(os.O_RDONLY)
                left = 0


def read_in_parts_to_the_end(client: Client) -> None:
    read_in_parts(client, closes=False)


def read_batches(client: Client) -> None:
    client.reopen(os.O_RDONLY)
    kept.switch_batch(client.device)
    while client.board.phase != END:
        _read_batch(client, BATCH_BYTES)


def _read_batch(client: Client, count: int) -> None:
    client.board.set_in_call(client.number, True)
    got = client.call(_libc.read, client.room, count)
    batch = ctypes.string_at(client.room, max(got, 0))
    while batch:
        length, _ = kept.FRAME.unpack_from(batch)
        _take(client, batch[kept.FRAME.size :][:length])
        batch = batch[kept.FRAME.size + length + -length % 8 :]
    client.board.set_in_call(client.number, False)


def _wait_for_edge(client: Client, poller: select.epoll) -> list[tuple[int, int]]:
    """No events: none came in time, or the end did."""
    deadline = time.monotonic() + LATE_S
    while not (events := poller.poll(0.1)) and client.board.phase != END and time.monotonic() < deadline:
        pass
    return events


def read_at_edges(client: Client) -> None:
    """Edge-triggered: sleeps until an edge comes, then reads all there is. It notes an edge that did not come."""
    client.reopen(os.O_RDONLY | os.O_NONBLOCK)
    poller = select.epoll()
    poller.register(client.device, select.EPOLLIN | select.EPOLLET)
    while client.board.phase != END:
        events = _wait_for_edge(client, poller)
        while isinstance(_read(client, LARGEST), cells.Part):
            if not events and client.board.phase != END:
                client.note(MISSED)
            events = events or [(0, 0)]


# --- and some that never park


def write_and_read_large(client: Client) -> None:
    """Batches that take all of the server's buffers, whose memory the kernel must find there at each kill."""
    client.reopen(os.O_RDWR | os.O_NONBLOCK)
    kept.switch_batch(client.device)
    client.is_prompt = True
    frame = kept.FRAME.size + 248 * cells.BYTES
    while client.board.phase == RUN:
        batch = b""
        for number in range(BATCH_BYTES_MAX // frame):
            data = cells.message(client.number, client.sequence + number, 248)
            batch += kept.FRAME.pack(len(data), 0) + data
        if (got := client.call(_libc.write, batch, len(batch))) > 0:
            client.sequence += got // frame
            client.board.set_written(client.number, client.sequence)
        _read_batch(client, BATCH_BYTES_MAX)


def write_and_read(client: Client) -> None:
    """Alone: if a call is not answered, no other makes the server look again."""
    client.reopen(os.O_RDWR | os.O_NONBLOCK)
    client.is_prompt = True
    while client.board.phase == RUN:
        data = cells.message(client.number, client.sequence, 2)
        if client.call(_libc.write, data, len(data)) == len(data):
            client.sequence += 1
            client.board.set_written(client.number, client.sequence)
        _read(client, LARGEST)


def look(client: Client) -> None:
    """INFO, again and again: how long a call takes that nothing but a kill delays. Notes begin and end."""
    client.reopen(os.O_RDONLY)
    while client.board.phase != END:
        begin = time.monotonic_ns()
        try:
            kept.info(client.device)
        except InterruptedError:
            continue
        except OSError as error:
            client.fail(ERROR, error.errno or 0)
        end = time.monotonic_ns()
        if end - begin > 100_000:  # the others are not about a kill
            os.write(client.log, _PAUSE.pack(PAUSE, begin // 1000, (end - begin) // 1000))
        time.sleep(0.0003)


_PAUSE = struct.Struct("<B3xQI")  # kind, begin and duration: µs
assert _PAUSE.size == _ENTRY.size


def pauses_of(log: int) -> list[tuple[int, int]]:
    """Begin and duration, µs."""
    data = os.pread(log, os.fstat(log).st_size, 0)
    whole = data[: len(data) // _PAUSE.size * _PAUSE.size]
    return [(begin, time_) for kind, begin, time_ in _PAUSE.iter_unpack(whole) if kind == PAUSE]


def start(kind: Callable[[Client], None], client: Client) -> int:
    """Returns the pid."""
    pid = os.fork()
    if pid != 0:
        return pid
    status = 1
    try:
        _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        for number in (signal.SIGALRM, signal.SIGUSR1):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        kind(client)
        status = 0
    except Failed:
        pass
    finally:
        os._exit(status)
