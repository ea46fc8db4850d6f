# SPDX-License-Identifier: MIT
"""What the two documents about a result have in common: tables, and what a result is called."""

from __future__ import annotations

from results import Result


def table(rows: list[list[str]]) -> str:
    head, *body = rows
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *body)]
    return "\n".join(lines)


def title(result: Result) -> str:
    what = "counted instructions" if result.unit == "instructions" else "time"
    placement = {"one-core": "all processes on one core", "two-cores": "writer and daemons on another core"}
    place = str(result.raw["label"]).split(",")[0]
    return (f"{place[0].upper()}{place[1:]}: " if place else "") + f"{what}, {placement[result.placement]}"


def circumstances(result: Result) -> str:
    """A sentence, or two."""
    machine, repetitions = result.raw["machine"], result.raw["repetitions"]
    text = (
        f"{machine['processor']}, {machine['processors']} processor{'s' if machine['processors'] > 1 else ''}, "
        f"Linux {machine['kernel']}, {'root' if machine['root'] else 'an ordinary user'}; "
        + (f"medians of {repetitions} samples." if repetitions > 1 else "one sample.")
    )
    return text + (" **A brief run: the figures mean nothing.**" if result.raw["brief"] else "")
