# SPDX-License-Identifier: MIT
"""What became of every message of a round."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from cells import Part


@dataclass
class Written:
    """By one writer."""

    returned: int  # messages that its calls reported as written
    uncertain: int = 0  # further ones that a call was about when it was killed


@dataclass
class Ledger:
    """`taken_by_killed`: the most messages that can have gone with readers that were killed in a call (H4)."""

    writers: dict[int, Written] = field(default_factory=dict)
    readers: list[list[Part]] = field(default_factory=list)
    overwritten: int = 0
    taken_by_killed: int = 0

    def judge(self) -> Counter[str]:
        result: Counter[str] = Counter()
        seen: dict[tuple[int, int], int] = {}  # the cells, a bit each
        totals: dict[tuple[int, int], int] = {}
        for parts in self.readers:
            last: dict[int, int] = {}
            for part in parts:
                key = (part.writer, part.sequence)
                cells = ((1 << part.cells) - 1) << part.first
                before = seen.get(key, 0)
                result["doubled"] += cells & before != 0
                seen[key] = before | cells
                totals[key] = part.total
                # What was begun by an open that is closed comes back behind messages that overtook it (O3).
                if part.first == 0:
                    result["reordered"] += last.get(part.writer, -1) >= part.sequence
                    last[part.writer] = max(part.sequence, last.get(part.writer, -1))
        missing = 0
        for number, writer in self.writers.items():
            result["messages"] += writer.returned
            for sequence in range(writer.returned + writer.uncertain):
                whole = (1 << totals.get((number, sequence), 0)) - 1
                arrived = seen.pop((number, sequence), 0)
                if sequence >= writer.returned:
                    result["unknown"] += 1
                elif arrived == 0 or arrived != whole:
                    missing += 1
        result["from nowhere"] = len(seen)
        missing -= self.overwritten
        result["unknown"] += min(max(missing, 0), self.taken_by_killed)
        result["lost"] = max(0, missing - self.taken_by_killed)
        result["doubled"] += max(0, -missing)  # overwritten, and read all the same
        return result
