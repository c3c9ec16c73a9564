"""Demand, as read from files: a first line that says when it begins, then a number an hour."""

import gzip
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from portal.kit.errors import Invalid
from portal.scaling.rules import Hours

HEAD = "start_utc=YYYY-MM-DD HH:MM:SS step=1h unit=NAME"


@dataclass(frozen=True)
class Demand:
    """A series by the hour, and what it counts."""

    name: str
    starts_at: datetime
    unit: str
    hours: Hours


def read_demand(path: Path) -> Demand:
    """A series from a file, gzipped or not; Invalid with the line that cannot be read."""
    try:
        raw = path.read_bytes()
        lines = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode().splitlines()
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as problem:
        raise Invalid(f"{path} cannot be read: {problem}.") from None
    starts_at, unit = _head(path, lines[0] if lines else "")
    hours = np.empty(len(lines) - 1)
    for number, line in enumerate(lines[1:]):
        hours[number] = _amount(path, number + 2, line)
    return Demand(path.name.split(".")[0], starts_at, unit, hours)


def _head(path: Path, line: str) -> tuple[datetime, str]:
    start, step, rest = line.partition(" step=1h unit=")
    try:
        assert start.startswith("start_utc=") and step
        return datetime.fromisoformat(start.removeprefix("start_utc=")).replace(tzinfo=UTC), rest.strip()
    except (AssertionError, ValueError):
        raise Invalid(f"Line 1 of {path} must be: {HEAD}.") from None


def _amount(path: Path, number: int, line: str) -> float:
    try:
        amount = float(line)
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float("inf"):
        raise Invalid(f"Line {number} of {path} must be a number of at least 0, and is {line[:40]!r}.")
    return amount
