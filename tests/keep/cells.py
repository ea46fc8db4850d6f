# SPDX-License-Identifier: MIT
"""Messages whose every part says what it is part of: they consist of cells, each with a checksum.

    writer    who wrote it
    sequence  from 0 for each writer
    index     of the cell in its message, which has `total` of them

So a part that a short read left, and that came to another reader, is accounted for as well.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

MAGIC = 0xCE11
_HEAD = struct.Struct("<HHIHH")
_CELL = struct.Struct("<HHIHHI")
BYTES = _CELL.size


class Part(NamedTuple):
    writer: int
    sequence: int
    first: int  # index of its first cell
    cells: int
    total: int


class Corrupt(Exception):
    pass


def message(writer: int, sequence: int, total: int) -> bytes:
    heads = [_HEAD.pack(MAGIC, writer, sequence, index, total) for index in range(total)]
    return b"".join(head + zlib.crc32(head).to_bytes(4, "little") for head in heads)


def part_of(data: bytes) -> Part:
    if not data or len(data) % BYTES != 0:
        raise Corrupt(f"{len(data)} bytes")
    _, writer, sequence, first, total, _ = _CELL.unpack_from(data)
    part = Part(writer, sequence, first, len(data) // BYTES, total)
    if data != message(writer, sequence, total)[first * BYTES :][: len(data)]:
        raise Corrupt(data[:48].hex(" "))
    return part
