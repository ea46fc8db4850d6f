# SPDX-License-Identifier: MIT
"""A brief run of all peers and measures: it works, says everything, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from bench import BENCH, FOLDER, IPCDEVD, TIMEOUT_S, run
from traces import Place, sysv_objects

from results import load


class Run:
    """In a session of its own, so that what it started can be found."""

    def __init__(self, place: Place, *command: str | Path) -> None:
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | {"TMPDIR": str(place.path)},
        )

    def finish(self) -> tuple[int, str, str]:
        try:
            output, errors = self.process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        return self.process.returncode, output, errors


class Brief(unittest.TestCase):
    def setUp(self) -> None:
        self.place = Place()
        self.addCleanup(self.place.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.json = Path(folder.name) / "result.json"

    def test_all_peers_and_measures(self) -> None:
        devices = (FOLDER / "with-devices", "--fuse", IPCDEVD, "--")
        started = Run(self.place, *devices, BENCH, "--brief", "--json", self.json)
        status, output, errors = started.finish()
        self.assertEqual(status, 0, output + errors)
        self.assertEqual(self.place.traces(started.process.pid), [])

        result = load(self.json)
        self.assertEqual(result.unit, "ns")
        self.assertIn("fuse", result.peers)
        for measure in result.measures:
            peers = {cell.peer for cell in result.of(measure)}
            self.assertEqual(peers, set(result.peers), measure)
            self.assertIn(f"\n{measure}: ", output)
        repetitions = json.loads(self.json.read_text(encoding="utf-8"))["repetitions"]
        for cell in result.cells.values():
            with self.subTest(cell=cell.key):
                self.assertFalse(cell.not_measured.startswith("failed"), cell.not_measured)
                if cell.value is None:
                    self.assertNotEqual(cell.not_measured, "")
                else:
                    self.assertEqual(len(cell.value.samples), repetitions)
                    self.assertLessEqual(cell.value.min, cell.value.median)
                    self.assertLessEqual(cell.value.median, cell.value.max)
        for measure in ("same-thread", "round-trip", "throughput"):
            for peer in ("fuse", "pipe", "unix-stream", "shm-futex"):
                cell = result.cell(measure, peer, 64)
                self.assertTrue(cell and cell.value and cell.value.median > 0, (measure, peer))

    def test_a_peer_that_is_asked_for_comes_with_its_yardstick(self) -> None:
        options = ("--brief", "--peer", "eventfd", "--measure", "round-trip", "--size", "8", "--json", self.json)
        status, output, errors = Run(self.place, BENCH, *options).finish()
        self.assertEqual(status, 0, output + errors)
        self.assertEqual({cell.peer for cell in load(self.json).cells.values()}, {"pipe", "eventfd"})

    def test_what_a_peer_cannot_do_is_said(self) -> None:
        options = ("--brief", "--peer", "eventfd", "--measure", "same-thread", "--size", "4096")
        _, output, _ = Run(self.place, BENCH, *options).finish()
        self.assertIn("it carries no message, only a count", output)

    def test_a_signal_ends_it_and_nothing_is_left(self) -> None:
        before = sysv_objects()
        options = ("--peer", "sysv-msg", "--measure", "round-trip", "--repetitions", "1000")
        for number in (signal.SIGINT, signal.SIGTERM):
            started = Run(self.place, BENCH, *options)
            while sysv_objects() == before and started.process.poll() is None:
                os.sched_yield()
            started.process.send_signal(number)
            status, _, errors = started.finish()
            self.assertEqual(status, -number, errors)
            self.assertEqual(self.place.traces(started.process.pid), [])

    def test_two_cores_are_two(self) -> None:
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("there is one processor")
        options = ("--brief", "--placement", "two-cores", "--peer", "pipe", "--measure", "round-trip")
        status, output, errors = Run(self.place, BENCH, *options).finish()
        self.assertEqual(status, 0, errors)
        self.assertIn("placement: two-cores", output)


class Options(unittest.TestCase):
    def test_peers_and_measures_are_listed(self) -> None:
        done = run(BENCH, "--list")
        self.assertEqual(done.returncode, 0)
        for name in ("pipe", "posix-mq", "fuse-floor", "round-trip", "memory"):
            self.assertRegex(done.stdout, rf"\n  {name} ")

    def test_wrong_options_are_told(self) -> None:
        for options in (
            ("--peer", "pigeon"),
            ("--measure", "colour"),
            ("--size", "0"),
            ("--placement", "moon"),
            ("--device", "nolabel"),
            ("--device", "a=/x,/y,/z"),
            ("--device", "a=/x", "--device", "a=/y"),
            ("--server-pid", "a=12"),
            ("--instructions",),
        ):
            with self.subTest(options=options):
                done = run(BENCH, *options)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertRegex(done.stderr, r"^ipcdev-bench: .*\n")

    def test_a_device_that_is_none_is_told(self) -> None:
        for path in ("/dev/null", "/nowhere"):
            done = run(BENCH, "--brief", "--device", f"x={path}")
            self.assertEqual(done.returncode, 1)
            self.assertIn(path, done.stderr)


if __name__ == "__main__":
    unittest.main()
