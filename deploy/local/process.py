"""One process of the stack: started, watched, stopped."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.guise import Guise, before_exec, user

POLL_SECONDS = 0.05
URGENT_SECONDS = 10


class StackError(Exception):
    """Something that keeps the stack from running, in one sentence for the person who started it."""


@dataclass(frozen=True)
class Service:
    """What to start, how to know that it is ready, and how to ask it to stop."""

    name: str
    command: Sequence[str]
    log: Path
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    folder: Path = field(default_factory=Path.cwd)
    guise: Guise = Guise.SELF
    stop_signal: signal.Signals = signal.SIGTERM
    urgent_signal: signal.Signals | None = None
    orphan_signal: signal.Signals = signal.SIGKILL
    start_seconds: float = 60
    stop_seconds: float = 10


class Process:
    """A service that runs, or did."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._popen: subprocess.Popen[bytes] | None = None
        self._asked_to_stop = False
        self._cleared = False

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def pid(self) -> int:
        """The process id of the newest life."""
        assert self._popen is not None, f"{self.name} was never started"
        return self._popen.pid

    @property
    def alive(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    @property
    def ending(self) -> str:
        """How its newest life ended, in words."""
        code = self._popen.poll() if self._popen else None
        if code is not None and code < 0:
            return signal.Signals(-code).name
        return f"exit {code}"

    def spawn(self) -> None:
        """Start it, in a process group of its own so that Ctrl-C reaches the supervisor alone."""
        service = self.service
        self._asked_to_stop = self._cleared = False
        with service.log.open("ab") as log:
            self._popen = subprocess.Popen(
                list(service.command),
                cwd=service.folder,
                env=dict(service.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=before_exec(service.guise, service.orphan_signal),
                **user(service.guise),  # type: ignore[call-overload]
            )

    def start(self) -> None:
        """Start it and wait until it is ready. Raises StackError with the end of its log when it is not."""
        self.spawn()
        wait_until(lambda: not self.alive or self.service.ready(), self.service.start_seconds)
        if not (self.alive and self.service.ready()):
            self.stop()
            raise StackError(f"{self.name} did not start; the end of {self.service.log} says:\n{self.tail()}")

    def ask_to_stop(self) -> None:
        """Send its stop signal, once, and do not wait."""
        if self._popen is not None and self.alive and not self._asked_to_stop:
            self._popen.send_signal(self.service.stop_signal)
            self._asked_to_stop = True

    def stop(self) -> None:
        """Ask it to stop, and kill what is left of its group after `stop_seconds`.

        Where it has an `urgent_signal` that comes in between: its children may be in groups of their own,
        and it is given a little longer to end them itself.
        """
        if self._popen is None or self._cleared:
            return
        self.ask_to_stop()
        if not self._ends_within(self.service.stop_seconds) and self.service.urgent_signal is not None:
            self._popen.send_signal(self.service.urgent_signal)
            self._ends_within(URGENT_SECONDS)
        kill_group(self._popen.pid)
        self._popen.wait()
        self._cleared = True  # its number may soon be another's

    def _ends_within(self, seconds: float) -> bool:
        assert self._popen is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(seconds)
        return not self.alive

    def kill(self) -> None:
        """End it without a warning (SIGKILL), itself alone: its own children must notice."""
        assert self._popen is not None, f"{self.name} was never started"
        self._popen.kill()
        self._popen.wait()

    def tail(self, lines: int = 12) -> str:
        """The last lines of its log, indented."""
        text = self.service.log.read_text(errors="replace") if self.service.log.exists() else ""
        return "\n".join("  " + line for line in text.splitlines()[-lines:])


def kill_group(pid: int) -> None:
    """Kill what is left of the process group that `pid` led."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def wait_until(true: Callable[[], bool], seconds: float, *, every: float = POLL_SECONDS) -> bool:
    """Ask again and again until the answer is yes, or the time is over; the last answer."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
