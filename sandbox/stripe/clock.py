"""The one clock: real time, moved by the offset that the portal keeps in a small file."""

import fcntl
import time
from pathlib import Path


class Clock:
    """The present moment. `path` holds whole microseconds to add; without it, real time."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def now(self) -> int:
        """Whole seconds since 1970."""
        return (time.time_ns() // 1000 + self.offset()) // 1_000_000

    def offset(self) -> int:
        """Microseconds between real time and the one clock."""
        if self._path is None:
            return 0
        try:
            return int(self._path.read_text().strip() or 0)
        except FileNotFoundError:
            return 0

    def move_to(self, moment: int) -> bool:
        """Move everybody's clock forwards to a moment; False when there is no file to move it by."""
        if self._path is None:
            return False
        with self._path.with_name(f"{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            offset = self.offset() + (moment - self.now()) * 1_000_000
            draft = self._path.with_name(f"{self._path.name}.new")
            draft.write_text(f"{offset}\n")
            draft.replace(self._path)
        return True
