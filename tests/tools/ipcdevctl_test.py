#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ipcdevctl against a running daemon: what it prints, what it refuses, and how it says so."""

from __future__ import annotations

import json
import subprocess
import unittest

from daemon import IPCDEVCTL, ctl
from with_daemon import WithDaemon


class Info(WithDaemon):
    def test_prints_settings_with_their_units(self) -> None:
        fields = self.fields("info")
        self.assertEqual(fields["device"], str(self.daemon.path))
        self.assertEqual(fields["server"], "fuse")
        self.assertEqual(fields["capabilities"], "none")
        self.assertEqual(fields["mode"], "fifo")
        self.assertEqual(fields["depth"], "64 messages")
        self.assertEqual(fields["max_message"], "4096 bytes")

    def test_values_stand_in_one_column(self) -> None:
        columns = {len(line) - len(line.split(maxsplit=1)[1]) for line in self.succeed("info").splitlines()}
        self.assertEqual(len(columns), 1)

    def test_prints_what_is_queued_and_parked(self) -> None:
        self.daemon.write(b"one", b"three")
        fields = self.fields("info")
        self.assertEqual((fields["queued_messages"], fields["queued_bytes"]), ("2", "8"))
        self.assertEqual((fields["parked_readers"], fields["parked_writers"]), ("0", "0"))

    def test_json_has_the_same_names_and_values(self) -> None:
        document = json.loads(self.succeed("info", "--json"))
        self.assertEqual(list(document), list(self.fields("info")))
        self.assertEqual(document["server"], "fuse")
        self.assertEqual(document["capabilities"], [])
        self.assertEqual((document["depth"], document["max_message"]), (64, 4096))

    def test_the_environment_names_the_device(self) -> None:
        shown = subprocess.run(
            [IPCDEVCTL, "info"],
            env={"IPCDEV_DEVICE": str(self.daemon.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertIn(str(self.daemon.path), shown.stdout)

    def test_says_when_its_output_can_not_be_written(self) -> None:
        with open("/dev/full", "w", encoding="utf-8") as full:
            shown = subprocess.run([IPCDEVCTL, "--device", self.daemon.path, "info"], stdout=full, check=False)
        self.assertEqual(shown.returncode, 1)


class Stats(WithDaemon):
    def test_count_what_went_through(self) -> None:
        self.daemon.write(b"hello")
        self.assertEqual(self.daemon.read(), b"hello")
        fields = self.fields("stats")
        self.assertEqual((fields["messages_written"], fields["bytes_written"]), ("1", "5"))
        self.assertEqual((fields["messages_read"], fields["bytes_read"]), ("1", "5"))

    def test_json_has_the_same_names_and_values(self) -> None:
        document = json.loads(self.succeed("stats", "--json"))
        self.assertEqual({name: str(value) for name, value in document.items()}, self.fields("stats"))


class Waiters(WithDaemon):
    def test_nobody_is_parked_on_an_idle_device(self) -> None:
        self.assertEqual(self.succeed("waiters"), "no call is parked\n")
        self.assertEqual(json.loads(self.succeed("waiters", "--json")), [])

    def test_lists_who_is_parked_in_the_order_of_service(self) -> None:
        pids = [self.daemon.park_reader(count) for count in (10, 20)]
        listed = json.loads(self.succeed("waiters", "--json"))
        self.assertEqual([(w["pid"], w["operation"], w["bytes"]) for w in listed],
                         [(pids[0], "read", 10), (pids[1], "read", 20)])
        self.assertTrue(all(0 <= w["parked_ms"] < 60_000 for w in listed))

    def test_the_text_has_a_heading_and_a_line_each(self) -> None:
        pid = self.daemon.park_reader(10)
        heading, line = self.succeed("waiters").splitlines()
        self.assertEqual(heading.split(), ["pid", "operation", "bytes", "parked_ms"])
        self.assertEqual(line.split()[:3], [str(pid), "read", "10"])

    def test_lists_more_than_one_call_of_the_device_returns(self) -> None:
        for count in range(1, 36):
            self.daemon.park_reader(count)
        listed = json.loads(self.succeed("waiters", "--json"))
        self.assertEqual([w["bytes"] for w in listed], list(range(1, 36)))


class Configure(WithDaemon):
    def test_changes_what_is_given_and_keeps_the_rest(self) -> None:
        self.assertEqual(self.succeed("configure", "--depth", "3"), "")
        fields = self.fields("info")
        self.assertEqual((fields["depth"], fields["max_message"]), ("3 messages", "4096 bytes"))
        self.succeed("configure", "--max-message", "100")
        fields = self.fields("info")
        self.assertEqual((fields["depth"], fields["max_message"]), ("3 messages", "100 bytes"))

    def test_turns_a_fifo_into_a_ring_of_its_depth_and_back(self) -> None:
        self.succeed("configure", "--mode", "ring")
        fields = self.fields("info")
        self.assertEqual((fields["mode"], fields["depth"]), ("ring", "64 messages"))
        self.succeed("configure", "--mode", "fifo")
        self.assertEqual(self.fields("info")["mode"], "fifo")

    def test_turns_a_fifo_into_a_slot_and_back(self) -> None:
        self.succeed("configure", "--mode", "slot")
        self.assertEqual(self.fields("info")["mode"], "slot")
        self.fail_with(
            f"{self.daemon.path} does not take these settings: a slot has no depth that another mode could "
            "keep. Give --depth", "configure", "--mode", "fifo")
        self.succeed("configure", "--mode", "fifo", "--depth", "2")
        self.assertEqual(self.fields("info")["depth"], "2 messages")
        self.succeed("configure", "--mode", "slot")
        self.succeed("configure", "--mode", "ring", "--depth", "3")
        self.assertEqual(self.fields("info")["depth"], "3 messages")

    def test_a_slot_takes_no_depth(self) -> None:
        self.succeed("configure", "--mode", "slot")
        self.fail_with(
            f"{self.daemon.path} does not take these settings: a slot holds one message. "
            "Leave out --depth, or use --mode ring or fifo", "configure", "--depth", "2")

    def test_settings_that_need_too_much_memory_are_refused(self) -> None:
        self.fail_with(
            f"{self.daemon.path} does not take these settings: --depth times --max-message may be at most "
            "268435456 bytes (256 MiB)", "configure", "--depth", "65536", "--max-message", "65536")

    def test_says_which_messages_are_in_the_way(self) -> None:
        self.daemon.write(b"x", b"y")
        self.fail_with(f"{self.daemon.path} is in use: 2 messages are queued ('ipcdevctl clear' drops them)",
                       "configure", "--depth", "2")

    def test_says_which_messages_are_begun(self) -> None:
        self.daemon.write(b"message")
        with open(self.daemon.path, "rb", buffering=0) as reader:
            self.assertEqual(reader.read(3), b"mes")
            self.assertEqual(self.fields("info")["begun_messages"], "1")
            self.fail_with(f"{self.daemon.path} is in use: 1 message is begun (wait until it is read, "
                           "or its reader closes the device)", "configure", "--depth", "2")
            self.assertEqual(reader.read(10), b"sage")
        self.succeed("configure", "--depth", "2")

    def test_says_which_calls_are_in_the_way(self) -> None:
        self.daemon.park_reader(1)
        self.fail_with(f"{self.daemon.path} is in use: 1 reader is parked ('ipcdevctl waiters' lists them)",
                       "configure", "--depth", "2")


class Clear(WithDaemon):
    def test_drops_and_counts_what_is_queued(self) -> None:
        self.daemon.write(b"x", b"y")
        self.assertEqual(self.succeed("clear"), "")
        self.assertEqual(self.fields("info")["queued_messages"], "0")
        self.assertEqual(self.fields("stats")["messages_cleared"], "2")


class NotReached(WithDaemon):
    def test_a_device_that_is_not_there(self) -> None:
        done = ctl("--device", "/nowhere/ipcdev", "info")
        self.assertEqual(done.stderr, "ipcdevctl: there is no /nowhere/ipcdev: is ipcdevd running? Start it, "
                                      "or name the device by --device\n")
        self.assertEqual(done.returncode, 1)

    def test_what_is_no_device(self) -> None:
        kinds = {"/etc/passwd": "a regular file, not an ipcdev device", "/": "a directory, not an ipcdev device",
                 "/dev/null": "not an ipcdev device"}
        for path, kind in kinds.items():
            done = ctl("info", "--device", path)
            self.assertEqual(done.stderr, f"ipcdevctl: {path} is {kind}: is ipcdevd running, and is this its path?\n")
            self.assertEqual(done.returncode, 1)

    def test_a_directory_can_not_be_cleared(self) -> None:
        self.assertIn("/ is a directory, not an ipcdev device", ctl("clear", "--device", "/").stderr)

    def test_a_server_that_died(self) -> None:
        self.daemon.kill()
        self.fail_with(f"the ipcdevd that served {self.daemon.path} has died or was stopped: start it again", "info")


class WrongOptions(unittest.TestCase):
    def refuse(self, mistake: str, *arguments: str) -> None:
        done = ctl(*arguments)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr, f"ipcdevctl: {mistake}. 'ipcdevctl --help' lists the options.\n")
        self.assertEqual(done.returncode, 2)

    def test_no_command(self) -> None:
        self.refuse("name a command: info, stats, waiters, configure or clear")

    def test_an_unknown_command(self) -> None:
        self.refuse("The following argument was not expected: frobnicate", "frobnicate")

    def test_an_option_of_another_command(self) -> None:
        self.refuse("The following argument was not expected: --json", "clear", "--json")

    def test_nothing_to_configure(self) -> None:
        self.refuse("configure: there is nothing to change; give --mode, --depth or --max-message", "configure")

    def test_settings_out_of_range(self) -> None:
        self.refuse("--mode: must be one of fifo, ring, slot, not 'lifo'", "configure", "--mode", "lifo")
        self.refuse("--depth: must be 1 to 65536 messages, not '0'", "configure", "--depth", "0")
        self.refuse("--max-message: must be 1 to 65536 bytes, not '4k'", "configure", "--max-message", "4k")

    def test_a_slot_with_a_depth(self) -> None:
        self.refuse("--depth: a slot holds one message; leave it out, or use --mode ring or fifo",
                    "configure", "--mode", "slot", "--depth", "2")

    def test_help_and_version_succeed(self) -> None:
        self.assertEqual(ctl("--help").returncode, 0)
        self.assertEqual(ctl("configure", "--help").returncode, 0)
        self.assertRegex(ctl("--version").stdout, r"^ipcdevctl \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main()
