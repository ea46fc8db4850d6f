#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""quickstart and install-packages, on a copy of what is built: without network, and away from devices in use.

Stand-ins on the PATH say that all packages are installed, and build nothing. Root runs this in a mount namespace
with a /dev of its own, a tmpfs as containers have; anybody else with an $XDG_RUNTIME_DIR of this test's own.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
IPCDEVD = os.environ["IPCDEVD"]
IPCDEVCTL = os.environ["IPCDEVCTL"]
SKIPPED = 77
DEADLINE_S = 60
PR_SET_CHILD_SUBREAPER = 36
ROOT = os.geteuid() == 0
OWN_DEV = "IPCDEV_TEST_OWN_DEV"  # set in a mount namespace of our own

# What is mounted on the machine's own /dev, as its /dev/ipcdev may be, must not be seen through the new one.
OWN_DEV_SCRIPT = """
    mount -t tmpfs -o mode=755 devices /mnt &&
        cp -a /dev/null /dev/zero /dev/random /dev/urandom /dev/fuse /dev/fd /mnt &&
        awk '$5 ~ "^/dev/" { print $5 }' /proc/self/mountinfo | tac | xargs -r umount --lazy &&
        mount --move /mnt /dev && exec "$@"
"""


def parent_of(pid: int) -> int:
    """0: it has ended, and was reaped."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except OSError:
        return 0


class Copy(unittest.TestCase):
    """A copy of the scripts and programs, and what was started from it."""

    def setUp(self) -> None:
        self.top = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="quickstart-"))).resolve()
        self.addCleanup(self.end_servers)
        shutil.copytree(TOP / "packaging", self.top / "packaging")
        self.daemon = self.copy(IPCDEVD, "build/release/cuse/ipcdevd")
        subprocess.run(["strip", self.daemon], check=True)  # it is the file that is sent
        self.ctl = self.copy(IPCDEVCTL, "build/release/tools/ipcdevctl")
        self.copy(TOP / "quickstart", "quickstart")
        self.stand_in("cmake", "")
        self.stand_in("dpkg-query", "echo installed")
        self.stand_in("sudo", 'shift; exec "$@"')
        (self.top / "run").mkdir()
        self.device = Path("/dev/ipcdev") if ROOT else self.top / "run" / "ipcdev"

    def copy(self, source: str | Path, target: str) -> Path:
        path = self.top / target
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(source, path))

    def stand_in(self, name: str, script: str) -> None:
        path = self.top / "stand-ins" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def run_script(self, script: str | Path, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.top / script, *options],
            env=os.environ
            | {"PATH": f"{self.top}/stand-ins:{os.environ['PATH']}", "XDG_RUNTIME_DIR": f"{self.top}/run"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def servers(self) -> dict[int, list[str]]:
        """The command lines of the daemons that run from the copy."""
        found = {}
        unmounters = {}
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                try:
                    words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
                except OSError:
                    continue  # it has ended
                if words[0] == str(self.daemon):
                    found[int(process.name)] = words[1:-1]
                elif words[0].startswith(f"ipcdevd: unmounts {self.device} "):
                    unmounters[int(process.name)] = words[1:-1]
        found.update({pid: words for pid, words in unmounters.items() if parent_of(pid) in found})
        return found

    def server(self) -> int:
        """The pid of the only daemon; a process that it has started, to tidy up after it, looks the same."""
        servers = self.servers()
        (pid,) = [pid for pid in servers if parent_of(pid) not in servers]
        return pid

    def kill_servers(self) -> None:
        """All at once, so that none can tidy up after another."""
        pids = list(self.servers())
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                os.kill(pid, number)
        while self.servers():
            os.wait()

    def end_servers(self) -> None:
        servers = self.servers()
        for pid in servers:
            if parent_of(pid) not in servers:  # what tidies up after it ends with it
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        try:
            while True:
                os.wait()  # this process adopts the daemons
        except ChildProcessError:
            pass


class Quickstart(Copy):
    def serve(self, script: str = "quickstart") -> int:
        """Runs it without options, successfully. Returns the pid of the only server."""
        done = self.run_script(script, *([] if ROOT else ["--no-sudo"]))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("it arrived whole", done.stdout)
        return self.server()

    def stop(self, sentence: str, *options: str) -> None:
        done = self.run_script("quickstart", "--stop", *options)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(sentence, done.stdout)

    def expect_nothing_left(self) -> None:
        self.assertEqual(self.servers(), {})
        self.assertFalse(os.path.lexists(self.device))
        self.assertNotIn(f" {self.device} ", Path("/proc/self/mountinfo").read_text(encoding="utf-8"))

    def test_a_second_run_uses_the_same_server_and_stop_ends_it_even_where_nobody_reaps(self) -> None:
        pid = self.serve()
        self.assertEqual(self.serve(), pid)
        self.stop("stopped")
        self.assertIn("(ipcdevd) Z ", Path(f"/proc/{pid}/stat").read_text(encoding="utf-8"))
        self.expect_nothing_left()
        self.stop("nothing is running")

    def test_stop_removes_what_is_left_of_a_killed_server(self) -> None:
        self.serve()
        self.kill_servers()
        with self.assertRaises(OSError):
            self.device.stat()
        self.stop(f"the server of {self.device} was killed; what was left of it is removed")
        self.expect_nothing_left()
        self.stop("nothing is running")

    def test_stop_leaves_a_server_alone_that_was_started_otherwise(self) -> None:
        other = self.top / "run" / "other"
        subprocess.run([self.daemon, "--background", "--log-level", "warn", "--path", other], check=True)
        self.stop("nothing is running")
        self.server()

    def test_wrong_options_do_nothing(self) -> None:
        pid = self.serve()
        for options in (["--stop", "--help"], ["--stop", "--no-such-option"], ["--stop", "--stop"]):
            done = self.run_script("quickstart", *options)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertEqual(self.server(), pid)

    def test_a_folder_reached_by_a_symbolic_link_is_the_same_folder(self) -> None:
        (self.top / "link").symlink_to(".")
        self.assertEqual(self.serve("link/quickstart"), self.serve())
        self.stop("stopped")

    def test_where_dev_is_no_devtmpfs_the_file_is_served(self) -> None:
        if not ROOT:
            self.skipTest("only root can have a /dev of its own")
        pid = self.serve()
        self.assertIn("--transport fuse", " ".join(self.servers()[pid]))

    def test_a_device_that_somebody_has_open_is_left_alone(self) -> None:
        pid = self.serve()
        with open(self.device, "rb", buffering=0):
            done = self.run_script("quickstart", "--no-sudo")
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(f"{self.device} is in use", done.stderr)
            self.assertNotIn("parked", done.stderr)
        self.assertEqual(self.serve(), pid)

    def test_an_interrupted_run_leaves_nothing_in_a_device_that_was_there(self) -> None:
        pid = self.serve()
        self.stand_in("head", "exec sleep 60")
        self.stand_in("dd", f'echo piece > {self.device}; kill -INT "$(ps -o ppid= -p $PPID | xargs)"')
        done = self.run_script("quickstart", "--no-sudo")
        self.assertEqual(done.returncode, 130, done.stdout + done.stderr)
        self.assertEqual(self.server(), pid)
        stats = subprocess.run(
            [self.ctl, "--device", self.device, "stats"], capture_output=True, text=True, check=True
        ).stdout
        fields = dict(line.split()[:2] for line in stats.splitlines())
        self.assertEqual(fields["messages_cleared"], "1")

    def test_a_device_of_the_machine_is_not_disturbed_and_disturbs_no_test(self) -> None:
        if not ROOT:
            self.skipTest("only root serves at a path that others use too")
        pid = self.serve()
        with open(self.device, "wb", buffering=0) as device:
            device.write(b"somebody's")
        test = f"{Quickstart.__name__}.{Quickstart.test_stop_removes_what_is_left_of_a_killed_server.__name__}"
        done = subprocess.run(
            [sys.executable, __file__, test],
            env={name: value for name, value in os.environ.items() if name != OWN_DEV},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.server(), pid)
        with open(self.device, "rb", buffering=0) as device:
            self.assertEqual(device.read(100), b"somebody's")


class ContinuousIntegration(Copy):
    """.ci/run, with a ./check that says what it found."""

    def run_ci(self, status: int) -> subprocess.CompletedProcess[str]:
        self.copy(TOP / ".ci/run", ".ci/run")
        check = Path(self.copy(TOP / "check", "check"))
        check.write_text(
            f"#!/bin/sh\n{self.ctl} --device {self.device} info > info && echo all the summary, $* && exit {status}\n",
            encoding="utf-8",
        )
        if not ROOT:
            self.stand_in("sudo", "exit 1")
        return self.run_script(".ci/run", "--fast")

    def test_it_checks_while_the_device_is_served_then_stops_it_and_the_summary_is_last(self) -> None:
        done = self.run_ci(0)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertTrue(done.stdout.endswith("\nall the summary, --fast\n"), done.stdout)
        self.assertIn("it arrived whole", done.stdout)
        self.assertIn("queued_messages", (self.top / "info").read_text(encoding="utf-8"))
        self.assertEqual(self.servers(), {})

    def test_a_check_that_fails_is_its_status_and_the_device_is_stopped(self) -> None:
        done = self.run_ci(3)
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertTrue(done.stdout.endswith("\nall the summary, --fast\n"), done.stdout)
        self.assertEqual(self.servers(), {})

    def test_it_checks_though_the_device_could_not_be_served_and_fails(self) -> None:
        self.daemon.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        self.ctl = Path("echo")
        done = self.run_ci(0)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertTrue(done.stdout.endswith("\nall the summary, --fast\n"), done.stdout)


class InstallPackages(Copy):
    def test_an_interrupted_update_installs_nothing(self) -> None:
        self.stand_in("dpkg-query", "")
        self.stand_in("apt-get", f'echo "$*" >> {self.top}/log; case "$*" in *update) kill -INT $PPID ;; esac')
        done = self.run_script("packaging/install-packages", str(self.top / "packaging/packages/build"))
        self.assertEqual(done.returncode, 130, done.stdout + done.stderr)
        log = (self.top / "log").read_text(encoding="utf-8").splitlines()
        self.assertEqual(len(log), 1, log)


def skip(reason: str) -> None:
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)


def main() -> None:
    if ROOT and OWN_DEV not in os.environ:
        if subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0:
            skip("this root may not make a mount namespace")
        os.environ[OWN_DEV] = "yes"
        command = ["unshare", "--mount", "sh", "-c", OWN_DEV_SCRIPT, "sh", sys.executable, *sys.argv]
        os.execvp(command[0], command)
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        skip(f"/dev/fuse: {error.strerror}")
    if not ROOT and os.access("/dev/cuse", os.W_OK):
        skip("this user may serve by CUSE, which would be the machine's own /dev/ipcdev")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's trap needs that it is not ignored
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    unittest.main()


if __name__ == "__main__":
    main()
