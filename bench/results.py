# SPDX-License-Identifier: MIT
"""Results of ipcdev-bench, as --json writes them: for the programs beside this file."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
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
class Result:
    path: Path
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


def load(path: str | Path) -> Result:
    """Ends the program if that is no result."""
    try:
        raw = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        wrong_use(f"can't read {path}: {error}")
    try:
        if raw["format"] != FORMAT:
            wrong_use(f"{path}: format {raw['format']}, and this program knows {FORMAT}")
        measures = [Measure(**measure) for measure in raw["measures"]]
        cells = [_cell(cell) for cell in raw["cells"]]
        result = Result(Path(path), raw, {m.name: m for m in measures}, {cell.key: cell for cell in cells})
        _ = result.unit, result.placement, result.peers, raw["machine"]["kernel"]
        return result
    except (KeyError, TypeError) as error:
        wrong_use(f"{path} is no result of ipcdev-bench --json: {error!r}")


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
