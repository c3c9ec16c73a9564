"""Ranges, as decided: how much of a promise is used in its year, told from how much would have been before.

The use over the year to come is taken to lie between the least and the most of the look-backs, moved by how
far that was off for promises of other series (split conformal prediction, measured against how much the use
of a day wavers): nine of ten lay above `low`, nine of ten below `high`. Less than a year of history says
less, and so has numbers of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from portal.scaling.rules import HOURS_A_DAY, LOOK_BACK_DAYS, YEAR_DAYS, Hours

BELOW, ABOVE = 0.1, 0.9
STEADIEST = 0.1


@dataclass(frozen=True)
class Use:
    """Shares of a promise that are used, between 0 and 1."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True)
class Past:
    """What was used before, as look-backs say, and how much the use of a day wavers (standard deviation)."""

    days: int
    use: Use
    wavers: float

    @property
    def scale(self) -> float:
        """What a move is measured in: use that never wavered may do so yet."""
        return STEADIEST + self.wavers


@dataclass(frozen=True)
class Trial:
    """A promise that was followed through its year: what its past was, and what was used."""

    past: Past
    used: float


@dataclass(frozen=True)
class Moved:
    """By how much the ends and the middle of what is expected are moved, in scales of the past."""

    low: float
    likely: float
    high: float


MOVED: Mapping[bool, Moved] = {False: Moved(-0.79, -0.26, 0.01), True: Moved(-0.51, -0.12, 0.0)}
"""By whether a year is known: as `make bench` measures it on six public series, at three prices."""


def before(hours: Hours, promised: float, level: float) -> Past:
    """How much of `level` above `promised` each look-back that the history fills would have used."""
    days = len(hours) // HOURS_A_DAY
    backs = [back for back in LOOK_BACK_DAYS if back <= days]
    assert backs and level > 0, "there is nothing to look back on"
    used = [share(hours[-back * HOURS_A_DAY :], promised, level) for back in backs]
    newest = hours[-min(days, YEAR_DAYS) * HOURS_A_DAY :].reshape(-1, HOURS_A_DAY)
    wavers = np.clip(newest - promised, 0, level).mean(axis=1).std() / level
    return Past(days, Use(min(used), sum(used) / len(used), max(used)), float(wavers))


def share(hours: Hours, promised: float, level: float) -> float:
    """How much of `level` above `promised` these hours use."""
    return float(np.clip(hours - promised, 0, level).mean()) / level


def expected(past: Past, moved: Mapping[bool, Moved] = MOVED) -> Use:
    """What is expected of the year to come."""
    by, use = moved[past.days >= YEAR_DAYS], past.use
    low = max(0.0, use.low + min(0.0, by.low) * past.scale)
    high = min(1.0, use.high + max(0.0, by.high) * past.scale)
    return Use(low, min(high, max(low, use.likely + by.likely * past.scale)), high)


def moved(trials: Sequence[Trial]) -> dict[bool, Moved]:
    """By how much to move what is expected, so that it would have been right for eight of ten of these."""
    found = {}
    for year in (False, True):
        alike = [one for one in trials if (one.past.days >= YEAR_DAYS) == year] or trials
        offs = [
            (one.used - np.array([one.past.use.low, one.past.use.likely, one.past.use.high])) / one.past.scale
            for one in alike
        ]
        cuts = np.quantile(offs, (BELOW, 0.5, ABOVE), axis=0, method="inverted_cdf")
        found[year] = Moved(*(float(cuts[part, part]) for part in range(3)))
    return found


def covered(trials: Iterable[Trial], by: Mapping[bool, Moved] = MOVED) -> list[bool]:
    """Whether what was used lay in the range, promise by promise."""
    ranges = ((one.used, expected(one.past, by)) for one in trials)
    return [use.low - 1e-9 <= used <= use.high + 1e-9 for used, use in ranges]
