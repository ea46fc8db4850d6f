# SPDX-License-Identifier: MIT
"""Where the benchmark is, how to run its programs, and results made by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "bench"
DOCS = FOLDER.parent / "docs"
BENCH = os.environ["IPCDEV_BENCH"]
IPCDEVD = os.environ["IPCDEVD"]
TIMEOUT_S = 100

sys.path.insert(0, str(FOLDER))

Samples = dict[tuple[str, str, int, int], list[float]]  # by measure, peer, bytes, parameter


def run(*command: str | Path, timeout: float = TIMEOUT_S) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def figure(samples: list[float]) -> dict[str, Any]:
    ordered = sorted(samples)
    median = ordered[len(ordered) // 2]
    return {"median": median, "low": ordered[0], "high": ordered[-1], "min": ordered[0], "max": ordered[-1]}


def cell(key: tuple[str, str, int, int], samples: list[float]) -> dict[str, Any]:
    measure, peer, size, parameter = key
    raw: dict[str, Any] = {"measure": measure, "peer": peer, "bytes": size, "details": {}}
    if parameter:
        raw["parameter"] = parameter
    return raw | {"iterations": 1, "value": figure(samples) | {"samples": samples}}


def write_result(path: Path, cells: Samples, unit: str = "ns", **changes: Any) -> Path:
    measures = {key[0]: bool(key[3]) for key in cells}
    rates = ("throughput", "throughput-by-depth", "batch", "crowd")
    raw = {
        "format": 1,
        "label": "",
        "unit": unit,
        "brief": False,
        "repetitions": 3,
        "placement": "one-core",
        "machine": {"processor": "one", "processors": 2, "kernel": "6.1", "root": True},
        "yardstick": "pipe",
        "peers": [{"name": name, "what": name} for name in dict.fromkeys(key[1] for key in cells)],
        "measures": [
            {
                "name": name,
                "what": name,
                "unit": unit,
                "higher_is_better": name in rates,
                "parameter": "depth" if has_parameter else "",
            }
            for name, has_parameter in measures.items()
        ],
        "cells": [cell(key, samples) for key, samples in cells.items()],
    }
    path.write_text(json.dumps(raw | changes), encoding="utf-8")
    return path
