"""The spool: uses that were admitted while Upkeep was away, on disk until they are told, each counted once.

A segment is a file of lines, written by one process, which holds a lock on it for as long as it lives.
To be told, a segment is sealed: renamed, and never written to again. Its lines are then added up into
events whose ids come from the segment's name, so that telling it twice tells the same events, and
Upkeep counts each id once. A segment is deleted when Upkeep has answered for all of it; one that
Upkeep refuses is kept beside as `.refused`.
"""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

try:
    import fcntl
except ImportError:  # Windows has no such locks, and so no spool
    fcntl = None  # type: ignore[assignment]

OPEN, SEALED, REFUSED = ".open", ".sealed", ".refused"
EVENTS_MOST = 500
VALUE_MOST = 1_000_000_000


@dataclass(frozen=True, order=True)
class Use:
    """What one call used: whose, of what, where, and in which hour (counted from 1970)."""

    account_id: str
    key_id: str
    meter: str
    endpoint: str
    hour: int


Tell = Callable[[Sequence[dict[str, Any]]], bool]
"""Tells events: True when they are counted, False when they are refused for good; raises when away."""


class Spool:
    """A folder of segments. Thread-safe; several processes may share the folder."""

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        if fcntl is None:
            raise RuntimeError("The spool needs Linux, macOS or another POSIX system.")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._now = folder, now
        self._lock = Lock()
        self._segment: tuple[int, Path, int] | None = None  # descriptor, path, and the process it is of

    def add(self, account_id: str, key_id: str, meter: str, endpoint: str, cost: int) -> None:
        """Write one use down. OSError when it cannot be: then the call must not pass."""
        use = Use(account_id, key_id, meter, endpoint, int(self._now() // 3600))
        line = json.dumps([*astuple(use), cost], separators=(",", ":")).encode() + b"\n"
        with self._lock:
            descriptor = self._open()
            written = os.write(descriptor, line)
            if written != len(line):  # a full disk took half of it
                os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
                raise OSError("The spool is full.")

    def waiting(self) -> bool:
        """Whether anything is here that was not told yet."""
        return any(self._folder.glob(f"*{SEALED}")) or any(self._folder.glob(f"*{OPEN}"))

    def deliver(self, tell: Tell) -> int:
        """Tell all that is here, also what other processes left behind; how many events were told.

        What `tell` raises goes on to the caller, and what was not told stays for the next time.
        """
        self._seal_own()
        told = 0
        for path in self._ready():
            told += self._deliver_one(path, tell)
        return told

    def close(self) -> None:
        """Let go of the segment that is being written; whoever delivers next finds it."""
        with self._lock:
            self._let_go()

    def _open(self) -> int:
        """The descriptor of this process's own segment."""
        if self._segment is not None and self._segment[2] == os.getpid():
            return self._segment[0]
        self._let_go()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        while True:
            path = self._folder / f"{uuid.uuid4().hex}{OPEN}"
            descriptor = os.open(path, flags, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if path.exists():
                self._segment = descriptor, path, os.getpid()
                return descriptor
            os.close(descriptor)  # another process took it for a dead one's before the lock was ours

    def _let_go(self) -> None:
        # A forked child closes its copy too, or it would hold its parent's lock for ever.
        if self._segment is not None:
            os.close(self._segment[0])
        self._segment = None

    def _seal_own(self) -> None:
        with self._lock:
            if self._segment is not None and self._segment[2] == os.getpid():
                path = self._segment[1]
                path.rename(path.with_suffix(SEALED))
            self._let_go()

    def _ready(self) -> list[Path]:
        """Every sealed segment, those of processes that ended without sealing theirs included."""
        for path in self._folder.glob(f"*{OPEN}"):
            with _locked(path) as held:
                if held:
                    path.rename(path.with_suffix(SEALED))
        return sorted(self._folder.glob(f"*{SEALED}"))

    def _deliver_one(self, path: Path, tell: Tell) -> int:
        with _locked(path) as held:
            if not held:  # another process tells this one
                return 0
            try:
                events = list(_events(path))
            except (ValueError, TypeError):  # a damaged file: kept for a person to look at
                events = []
            if not events and path.stat().st_size:
                path.rename(path.with_suffix(REFUSED))
                return 0
            for begin in range(0, len(events), EVENTS_MOST):
                if not tell(events[begin : begin + EVENTS_MOST]):
                    path.rename(path.with_suffix(REFUSED))
                    return 0
            path.unlink()
            return len(events)


class _locked:
    """A lock on a segment for as long as a context lasts: whether it could be had."""

    def __init__(self, path: Path) -> None:
        self._path, self._descriptor = path, -1

    def __enter__(self) -> bool:
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return self._path.exists()  # else it was delivered in between
        except OSError:
            return False

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


def _events(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a sealed segment: the same ones each time it is read."""
    sums: dict[Use, list[int]] = {}
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):  # the machine stopped while it was written, before the call passed
            break
        *use, cost = json.loads(line)
        total = sums.setdefault(Use(*use), [0, 0])
        total[0] += cost
        total[1] += 1
    number = 0
    for use, (units, calls) in sorted(sums.items()):
        while calls:  # an event holds so many units at most
            part = min(units, VALUE_MOST)
            yield _event(f"{path.stem}-{number}", use, part, calls if part == units else 0)
            number += 1
            units -= part
            if not units:
                break


def _event(name: str, use: Use, units: int, calls: int) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": name,
        "source": "upkeep-sdk/spool",
        "type": use.meter,
        "subject": use.account_id,
        "time": datetime.fromtimestamp(use.hour * 3600, UTC).isoformat(),
        "data": {"value": units, "calls": calls, "endpoint": use.endpoint, "key_id": use.key_id},
    }
