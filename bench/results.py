# SPDX-License-Identifier: MIT
"""Results of ipcdev-bench, for the programs beside this file.

A result is a file as --json writes it. Those of one machine, packed into one file by `pack`, are compressed, and say when
and of what they were taken:

    {"format": 1, "measured": "2026-11-21", "code": "commit 0123abc", "note": "", "results": {"native-one-core": {...}}}
"""

from __future__ import annotations

import json
import lzma
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

FORMAT = 1
WRONG_USE = 2


def wrong_use(sentence: str) -> NoReturn:
    print(f"{Path(sys.argv[0]).name}: {sentence}", file=sys.stderr)
    sys.exit(WRONG_USE)


@dataclass(frozen=True)
class Figure:
    """A median and how far the samples are spread; low and high are quartiles."""

    median: float
    low: float
    high: float
    min: float
    max: float
    samples: tuple[float, ...] = ()

    @staticmethod
    def of(samples: Sequence[float]) -> Figure:
        ordered = sorted(samples)
        quartiles = statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
        return Figure(statistics.median(ordered), quartiles[0], quartiles[2], ordered[0], ordered[-1], tuple(samples))

    @property
    def spread(self) -> str:
        return f"{number(self.low)} to {number(self.high)}"


@dataclass(frozen=True)
class Cell:
    """One peer in one case of one measure."""

    measure: str
    peer: str
    bytes: int
    parameter: int
    value: Figure | None
    ratio: Figure | None  # of the yardstick's, in the same repetitions
    details: dict[str, Figure] = field(default_factory=dict)
    not_measured: str = ""

    @property
    def key(self) -> tuple[str, str, int, int]:
        return (self.measure, self.peer, self.bytes, self.parameter)


@dataclass(frozen=True)
class Measure:
    name: str
    what: str
    unit: str
    higher_is_better: bool
    parameter: str


@dataclass(frozen=True)
class Session:
    """When results were taken, and what was measured: as `pack` was told. All is empty of a result that isn't packed."""

    measured: str = ""  # the day, as 2026-11-21
    code: str = ""
    note: str = ""  # what a reader must know of the figures


@dataclass(frozen=True)
class Result:
    name: str  # what it is called among those of its machine
    session: Session
    raw: dict[str, Any]
    measures: dict[str, Measure]
    cells: dict[tuple[str, str, int, int], Cell]

    @property
    def peers(self) -> list[str]:
        return [peer["name"] for peer in self.raw["peers"]]

    @property
    def unit(self) -> str:
        return str(self.raw["unit"])

    @property
    def placement(self) -> str:
        return str(self.raw["placement"])

    def cell(self, measure: str, peer: str, size: int, parameter: int = 0) -> Cell | None:
        return self.cells.get((measure, peer, size, parameter))

    def of(self, measure: str) -> list[Cell]:
        return [cell for cell in self.cells.values() if cell.measure == measure]


def load_all(paths: Iterable[str | Path]) -> list[Result]:
    """The results in these files. Ends the program if one is none."""
    return [result for path in paths for result in _load_file(Path(path))]


def load(path: str | Path) -> Result:
    """The only result of this file. Ends the program if it is not one."""
    results = _load_file(Path(path))
    if len(results) != 1:
        wrong_use(f"{path} has {len(results)} results, and one is needed")
    return results[0]


def pack(session: Session, results: Iterable[Result]) -> bytes:
    document = {"format": FORMAT, **asdict(session), "results": {result.name: result.raw for result in results}}
    return lzma.compress(json.dumps(document, separators=(",", ":")).encode(), preset=9 | lzma.PRESET_EXTREME)


def _load_file(path: Path) -> list[Result]:
    try:
        content = path.read_bytes()
        raw = json.loads(lzma.decompress(content) if path.suffix == ".xz" else content)
    except (OSError, ValueError, lzma.LZMAError) as error:
        wrong_use(f"can't read {path}: {error}")
    try:
        if raw["format"] != FORMAT:
            wrong_use(f"{path}: format {raw['format']}, and this program knows {FORMAT}")
        if "results" not in raw:
            return [_result(path.stem, Session(), raw)]
        session = Session(raw["measured"], raw["code"], raw["note"])
        return [_result(name, session, one) for name, one in raw["results"].items()]
    except (KeyError, TypeError, AttributeError) as error:
        wrong_use(f"{path} is no result of ipcdev-bench --json: {error!r}")


def _result(name: str, session: Session, raw: dict[str, Any]) -> Result:
    measures = [Measure(**measure) for measure in raw["measures"]]
    cells = [_cell(cell) for cell in raw["cells"]]
    result = Result(name, session, raw, {m.name: m for m in measures}, {cell.key: cell for cell in cells})
    _ = result.unit, result.placement, result.peers, raw["machine"]["kernel"]
    return result


def _figure(raw: dict[str, Any] | None) -> Figure | None:
    if raw is None:
        return None
    return Figure(raw["median"], raw["low"], raw["high"], raw["min"], raw["max"], tuple(raw.get("samples", ())))


def _cell(raw: dict[str, Any]) -> Cell:
    details = {name: figure for name, value in raw.get("details", {}).items() if (figure := _figure(value))}
    return Cell(
        raw["measure"],
        raw["peer"],
        raw["bytes"],
        raw.get("parameter", 0),
        _figure(raw.get("value")),
        _figure(raw.get("ratio")),
        details,
        raw["not_measured"] if "value" not in raw else "",
    )


def ratio_of(above: Figure, below: Figure) -> Figure | None:
    """Repetition by repetition: they took turns, so what disturbed one disturbed the other."""
    if len(above.samples) != len(below.samples) or not above.samples or 0 in below.samples:
        return None
    return Figure.of([a / b for a, b in zip(above.samples, below.samples)])


def number(value: float) -> str:
    """With three digits that mean something."""
    if value != 0 and abs(value) < 100 and value != int(value):
        return f"{value:.3g}"
    if abs(value) >= 10_000_000:
        return f"{value / 1e6:.1f}M"
    return f"{value:,.0f}"


def size(count: int) -> str:
    return f"{count // 1024} KiB" if count >= 1024 and count % 1024 == 0 else f"{count} B"
