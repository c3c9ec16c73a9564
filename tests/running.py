"""A whole stack, run as its users run it, for the tests that need one."""

import json
import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from deploy.local.guise import Guise, before_exec
from deploy.local.ports import free_port, is_free
from deploy.local.process import wait_until
from deploy.local.services import ROOT, answers
from deploy.local.state import born
from deploy.local.supervisor import SHARED
from portal import cli
from portal.kit import clock

START_SECONDS = 120
STOP_SECONDS = 40


class RunningStack:
    """`python -m deploy.local` on a folder and a port of its own."""

    def __init__(self, folder, port=None, **environ):
        self.folder = Path(folder)
        self.port = port or next(one for one in iter(free_port, None) if is_free(one + 1))
        self.url = f"http://127.0.0.1:{self.port}"
        self._environ = {name: value for name, value in os.environ.items() if name not in SHARED}
        self._environ |= {"VAR": str(self.folder), "PORT": str(self.port), **environ}
        self._printed = self.folder.with_name(self.folder.name + ".printed")
        self._popen = None

    def spawn(self):
        """Start it and do not wait."""
        with self._printed.open("w") as printed:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "deploy.local"],
                cwd=ROOT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=before_exec(Guise.SELF, orphan_signal=15),
            )

    def start(self):
        """Start it and wait until everything in it is up."""
        self.spawn()
        wait_until(lambda: not self.alive or "Ctrl-C" in self.printed, START_SECONDS)
        assert self.alive and self.ready, f"the stack did not start:\n{self.printed}"
        return self

    def stop(self, signal=15):
        """Stop it in the usual way; its exit code."""
        if self.alive:
            self._popen.send_signal(signal)
        return self._popen.wait(STOP_SECONDS)

    def wait(self):
        """Wait until it ends by itself; its exit code."""
        return self._popen.wait(START_SECONDS)

    @property
    def pid(self):
        return self._popen.pid

    @property
    def alive(self):
        return self._popen.poll() is None

    @property
    def ready(self):
        return answers(self.url + "/readyz")

    @property
    def printed(self):
        """What it has told the person who started it."""
        return self._printed.read_text()

    @property
    def env(self):
        """What the operator's verbs are told."""
        return json.loads((self.folder / "stack.json").read_text())

    @property
    def processes(self):
        """The present pid of each part, by name."""
        noted = json.loads((self.folder / "processes.json").read_text())
        return {one["name"]: one["pid"] for one in noted["processes"]}

    def cli(self, *arguments, check=True):
        """Run an operator's verb as from another terminal; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "portal", *map(str, arguments)],
            cwd=ROOT,
            env={name: value for name, value in self._environ.items() if name != "PORT"},
            capture_output=True,
            text=True,
        )
        assert not check or done.returncode == 0, f"{arguments} failed: {done.stdout}{done.stderr}"
        return done.stdout

    def verb(self, *arguments):
        """The same in this process, for what is said often: another one takes over a second to begin."""
        environ = {**dict.fromkeys((*SHARED, "PORT")), "VAR": str(self.folder)}
        try:
            done = CliRunner(env=environ).invoke(cli.upkeep, [str(word) for word in arguments])
        finally:
            clock.configure(None)
        assert done.exit_code == 0, f"{arguments} failed: {done.output}"
        return done.output


def family(pid):
    """A process and all that descend from it, as {pid: when it was born} (Linux)."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
    found = {pid}
    while grown := {child for child, parent in parents.items() if parent in found} - found:
        found |= grown
    return {one: born(one) for one in found}


def gone(people, seconds=20):
    """Whether all of a family end within the time."""
    return wait_until(lambda: not any(born(pid) == birth for pid, birth in people.items()), seconds)
