"""Rest, as decided: at which hours of the day nobody comes, and what runs for nobody at all.

Hours are told by whether something was idle in them, None where that was not measured, the newest last; the
first of them begins a day (UTC).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DAY_HOURS, MONTH_DAYS = 24, 30.4
NIGHTS, NIGHTS_LEAST = 28, 21
SHORTEST, LONGEST = 4, 16
"""How many hours a pause lasts."""

IDLE_SHARE = 0.95
"""In so many of the nights that were measured nobody may have come: in all but one of 28."""

IDLE_DAYS, MEASURED_SHARE = 14, 0.9

Idle = Sequence[bool | None]


@dataclass(frozen=True)
class Pause:
    """Hours of each day, from `starts_hour` (UTC) on, in which nobody came in `idle` of `measured` nights.

    `saved` is what each of those nights would have saved, by what ran in it; nothing where somebody came.
    """

    starts_hour: int
    hours: int
    idle: int
    measured: int
    saved: tuple[float, ...]

    @property
    def ends_hour(self) -> int:
        """The hour (UTC) at which it is over."""
        return (self.starts_hour + self.hours) % DAY_HOURS

    @property
    def monthly(self) -> tuple[float, float, float]:
        """What it saves a month: eight of ten times between the first and the last."""
        low, likely, high = (float(one) for one in np.quantile(self.saved, (0.1, 0.5, 0.9)))
        return low * MONTH_DAYS, likely * MONTH_DAYS, high * MONTH_DAYS


def pause(idle: Idle, hourly: Sequence[float]) -> Pause | None:
    """The pause that saves most in the last four weeks; None when no hours of the day are quiet enough.

    `hourly` is what each of the hours cost.
    """
    best: Pause | None = None
    for length in range(SHORTEST, LONGEST + 1):
        for start in range(DAY_HOURS):
            found = _nights(idle, hourly, start, length)
            if found is not None and (best is None or sum(found.saved) > sum(best.saved) + 1e-9):
                best = found
    return best


def runs_for_nobody(idle: Idle) -> bool:
    """Whether nobody came in all of the last two weeks, of which nearly every hour was measured."""
    span = list(idle[-IDLE_DAYS * DAY_HOURS :])
    known = [one for one in span if one is not None]
    return len(known) >= MEASURED_SHARE * IDLE_DAYS * DAY_HOURS and all(known)


def busy_shares(idle: Idle) -> list[float]:
    """For each hour of the day, in which share of the measured days somebody came."""
    shares = []
    for hour in range(DAY_HOURS):
        known = [one for one in idle[hour::DAY_HOURS] if one is not None]
        shares.append(1 - sum(known) / len(known) if known else 0.0)
    return shares


def _nights(idle: Idle, hourly: Sequence[float], start: int, length: int) -> Pause | None:
    spans = [slice(at, at + length) for at in range(start, len(idle) - length + 1, DAY_HOURS)][-NIGHTS:]
    known = [span for span in spans if None not in idle[span]]
    quiet = [all(idle[span]) for span in known]
    if len(known) < NIGHTS_LEAST or sum(quiet) < IDLE_SHARE * len(known):
        return None
    saved = tuple(sum(hourly[span]) if is_quiet else 0.0 for span, is_quiet in zip(known, quiet, strict=True))
    return Pause(start, length, sum(quiet), len(known), saved)
