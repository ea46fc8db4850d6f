# SPDX-License-Identifier: MIT
"""What the device is to reach, as a list, and how a result stands to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from results import Figure, Result, ratio_of

KIB = 1024


@dataclass(frozen=True)
class Of:
    """A figure of a result: that of a peer in a case of a measure."""

    measure: str
    peer: str
    bytes: int = 64
    parameter: int = 0


@dataclass(frozen=True)
class Kind:
    """The results that a target is about."""

    name: str
    unit: str
    placement: str = "one-core"

    def fits(self, result: Result) -> bool:
        return result.unit == self.unit and result.placement == self.placement


INSTRUCTIONS = Kind("instruction ratio", "instructions")
COUNT = Kind("count", "instructions")
TIME = Kind("time, native, one core", "ns")

Reading = Callable[[Result], "Figure | str"]  # or why there is none


@dataclass(frozen=True)
class Target:
    who: str
    what: str
    kind: Kind
    reading: Reading
    at_most: bool  # otherwise at least
    target: float
    goal: float

    def is_met_by(self, value: float, limit: float) -> bool:
        return value <= limit if self.at_most else value >= limit


def _value(result: Result, wanted: Of) -> Figure | str:
    cell = result.cell(wanted.measure, wanted.peer, wanted.bytes, wanted.parameter)
    if cell is None:
        return f"{wanted.peer} has no such figure in {wanted.measure}"
    return cell.value or cell.not_measured


def ratio(above: Of, below: Of) -> Reading:
    def read(result: Result) -> Figure | str:
        figures = _value(result, above), _value(result, below)
        for figure in figures:
            if isinstance(figure, str):
                return figure
        a, b = figures
        assert isinstance(a, Figure) and isinstance(b, Figure)
        return ratio_of(a, b) or "there is no ratio of these"

    return read


def worst_growth(measure: str, peer: str, last: int) -> Reading:
    """How much more it costs at any parameter up to `last` than at 1."""

    def read(result: Result) -> Figure | str:
        parameters = sorted({c.parameter for c in result.of(measure) if c.peer == peer and 1 < c.parameter <= last})
        if not parameters or parameters[-1] != last:
            return f"{peer} was not measured at {last} in {measure}"
        growths = [ratio(Of(measure, peer, 64, p), Of(measure, peer, 64, 1))(result) for p in parameters]
        missing = next((growth for growth in growths if isinstance(growth, str)), None)
        return missing or max((g for g in growths if isinstance(g, Figure)), key=lambda growth: growth.median)

    return read


def detail(wanted: Of, name: str) -> Reading:
    def read(result: Result) -> Figure | str:
        cell = result.cell(wanted.measure, wanted.peer, wanted.bytes, wanted.parameter)
        return f"{wanted.peer}: no {name} in the result" if cell is None or name not in cell.details else cell.details[name]

    return read


def _same_thread(kind: Kind, size: int, name: str) -> Target:
    reading = ratio(Of("same-thread", "module", size), Of("same-thread", "pipe", size))
    return Target("module", f"same-thread write and read of {name}, of a pipe's", kind, reading, True, 1.0, 0.8)


# Where instructions are counted the kernel lets whoever is woken have the only processor at
# once, so that in `throughput` most messages are a switch or two. `streaming` is what
# throughput is on a processor of silicon: the queue fills, and is emptied.
def _throughput(kind: Kind, peer: str, size: int, name: str, target: float, goal: float) -> Target:
    reading = ratio(Of("streaming", "module", size), Of("streaming", peer, size))
    return Target("module", f"throughput (streaming) at {name}, of {peer}'s", kind, reading, False, target, goal)


def module_targets(kind: Kind) -> list[Target]:
    round_trip = ratio(Of("round-trip", "module"), Of("round-trip", "pipe"))
    one_slot = ratio(
        Of("throughput-by-depth", "module", 64, 1), Of("throughput-by-depth", "pipe-packet", 64, 1)
    )
    by_depth = worst_growth("standing-depth", "module", 65536)
    by_readers = worst_growth("parked-readers", "module", 64)
    return [
        _same_thread(kind, 64, "64 B"),
        _same_thread(kind, KIB, "1 KiB"),
        _same_thread(kind, 4 * KIB, "4 KiB"),
        Target("module", "round trip of 64 B, of a pipe's", kind, round_trip, True, 1.0, 0.95),
        _throughput(kind, "posix-mq", 64, "64 B", 2.0, 2.5),
        _throughput(kind, "unix-seqpacket", 64, "64 B", 2.0, 2.5),
        _throughput(kind, "pipe", 64, "64 B", 0.9, 1.15),
        _throughput(kind, "pipe", 4 * KIB, "4 KiB", 1.3, 2.0),
        Target("module", "throughput at depth 1, of a one-slot packet pipe's", kind, one_slot, False, 1.0, 1.0),
        Target("module", "cost at depth 65,536, of that at depth 1", kind, by_depth, True, 1.2, 1.2),
        Target("module", "cost with 64 parked readers, of that with 1", kind, by_readers, True, 1.2, 1.2),
    ]


def module_counts() -> list[Target]:
    locked = detail(Of("same-thread", "module"), "locked operations")
    return [Target("module", "locked operations of a write and a read of 64 B", COUNT, locked, True, 5, 4)]


def daemon_targets(peer: str = "fuse") -> list[Target]:
    def floor(size: int) -> Reading:
        return ratio(Of("same-thread", peer, size), Of("same-thread", "fuse-floor", size))

    def batched(size: int) -> Reading:
        return ratio(Of("batch", peer, size), Of("throughput", "pipe", size))

    round_trip = ratio(Of("round-trip", peer), Of("round-trip", "pipe"))
    calls = detail(Of("system-calls", peer, 8), "server's per request")
    parked = worst_growth("parked-readers", peer, 1000)
    return [
        Target("FUSE file", "a request of 64 B, of the FUSE floor's", TIME, floor(64), True, 1.15, 1.05),
        Target("FUSE file", "a request of 4 KiB, of the FUSE floor's", TIME, floor(4 * KIB), True, 1.15, 1.05),
        Target("FUSE file", "round trip of 64 B, of a pipe's", TIME, round_trip, True, 7.0, 6.2),
        Target("FUSE file", "system calls of the daemon per request", TIME, calls, True, 2.0, 2.0),
        Target("FUSE file", "cost with 1,000 parked readers, of that with 1", TIME, parked, True, 1.2, 1.2),
        Target("FUSE file", "batched throughput at 4 KiB, of a pipe's one by one", TIME, batched(4 * KIB), False, 0.75, 0.9),
        Target("FUSE file", "batched throughput at 64 B, of a pipe's one by one", TIME, batched(64), False, 5.0, 10.0),
    ]


def all_for(results: list[Result]) -> list[Target]:
    """The module's by instructions, which every machine can count; by time where one had the module too."""
    timed = any(TIME.fits(result) and result.cell("same-thread", "module", 64) for result in results)
    timed_targets = module_targets(TIME) if timed else []
    return module_targets(INSTRUCTIONS) + module_counts() + timed_targets + daemon_targets()


@dataclass(frozen=True)
class Standing:
    target: Target
    figure: Figure | None
    reason: str  # why there is no figure

    @property
    def word(self) -> str:
        if self.figure is None:
            return "not measured"
        if not self.target.is_met_by(self.figure.median, self.target.target):
            return "not reached"
        return "reached, the goal too" if self.target.is_met_by(self.figure.median, self.target.goal) else "reached"


def stand(target: Target, results: list[Result]) -> Standing:
    """By the first result that has the figure."""
    reason = f"no result of this kind: {target.kind.name}"
    for result in results:
        if target.kind.fits(result):
            reading = target.reading(result)
            if isinstance(reading, Figure):
                return Standing(target, reading, "")
            reason = reading
    return Standing(target, None, reason)
