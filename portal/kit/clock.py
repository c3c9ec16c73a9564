"""The only clock: everything that needs the time is handed it, and it comes from here.

Where money is only simulated, one offset in a small file moves the web, the worker, the gate and the
sandbox together, so that months pass without waiting. Everywhere else there is no offset.
"""

import fcntl
from datetime import UTC, datetime, timedelta
from pathlib import Path


class _Offset:
    """The offset in the file, read again whenever the file is another.

    It is looked at each time: a webhook signed right after the clock was moved would be refused by
    whoever still believed in the time before.
    """

    def __init__(self) -> None:
        self.path: Path | None = None
        self.seen: tuple[int, int, int] | None = None
        self.microseconds = 0

    def read(self) -> int:
        if self.path is None:
            return 0
        try:
            found = self.path.stat()
            if (as_found := (found.st_mtime_ns, found.st_ino, found.st_size)) != self.seen:
                self.microseconds, self.seen = _read(self.path), as_found
        except FileNotFoundError:
            self.seen, self.microseconds = None, 0
        return self.microseconds


_offset = _Offset()


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC) + timedelta(microseconds=_offset.read())


def offset_us() -> int:
    """How far the clock is ahead of the machine's, in microseconds; 0 unless time was moved."""
    return _offset.read()


def configure(path: Path | None) -> None:
    """Follow the offset in this file from now on; None: none. Called in composition roots alone."""
    _offset.path, _offset.seen, _offset.microseconds = path, None, 0


def advance(path: Path, by: timedelta) -> int:
    """Move the clock of `path` forwards; the new offset in microseconds. Two movers add up."""
    assert by > timedelta(0), "time goes forwards"
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        offset = (_read(path) if path.exists() else 0) + by // timedelta(microseconds=1)
        draft = path.with_name(f"{path.name}.new")
        draft.write_text(f"{offset}\n")
        draft.replace(path)  # whoever reads meanwhile sees the old offset or the new one
    return offset


def _read(path: Path) -> int:
    return int(path.read_text().strip() or "0")
