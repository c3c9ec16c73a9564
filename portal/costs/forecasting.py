"""Costs, as expected: what a month comes to by its end, as a range that its own past vouches for.

The days to come are taken to cost what the last seven did. How far that is off is measured, not assumed:
the same is done at every earlier day of the bill, and the range is where eight of ten outcomes lay.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

DAY = timedelta(days=1)
WEEK = 7
FEWEST_TRIALS = 8
WITHOUT_TRIALS = (0.75, 1.25)
SHARE = 0.8
WIDER = 1.4  # earlier outcomes overlap, and so are fewer than they look
TOO_OLD = timedelta(days=45)


@dataclass(frozen=True)
class Expected:
    """What a bill comes to, in units of its currency: eight of ten times between `low` and `high`."""

    so_far: Decimal
    low: Decimal
    likely: Decimal
    high: Decimal


@dataclass(frozen=True)
class Days:
    """What one provider charged by day (UTC): for usage, and otherwise (fees, tax, credits)."""

    usage: Mapping[datetime, Decimal]
    others: Mapping[datetime, Decimal]

    @property
    def newest(self) -> datetime | None:
        """The newest day of usage, which may not be told of to its end yet."""
        return max(self.usage, default=None)


def expect(days: Days, billed: Decimal, starts_at: datetime, ends_at: datetime) -> Expected:
    """What the bill of the month `[starts_at, ends_at)` comes to when `billed` is on it so far.

    Fees that came later in the month before are expected again. A bill that ends too long ago says nothing.
    """
    newest = days.newest
    if newest is None or newest < starts_at - TOO_OLD:
        return Expected(billed, billed, billed, billed)
    fees = sum((cost for day, cost in days.others.items() if _comes_again(day, newest, starts_at)), Decimal())
    series = _series(days.usage, newest)
    horizon = (ends_at - max(newest + DAY, starts_at)).days
    rate = _mean(series[:-1][-WEEK:] or series)
    missing = max(0.0, rate - series[-1]) if newest >= starts_at else 0.0
    low, high = _band(series[:-1], horizon)
    to_come = horizon * rate
    known = billed + fees
    return Expected(
        billed,
        known + _exact(min(to_come * low, to_come)),
        known + _exact(to_come + missing),
        known + _exact(max(to_come * high, to_come) + missing),
    )


def _comes_again(day: datetime, newest: datetime, starts_at: datetime) -> bool:
    """Whether a fee of the month before is still to come in this one."""
    before = (starts_at - DAY).replace(day=1)
    return before <= day < starts_at and (newest < starts_at or day.day > newest.day)


def _series(usage: Mapping[datetime, Decimal], newest: datetime) -> list[float]:
    first = min(usage)
    return [float(usage.get(first + number * DAY, 0)) for number in range((newest - first).days + 1)]


def _band(series: Sequence[float], horizon: int) -> tuple[float, float]:
    """Between which shares of what was expected eight of ten earlier outcomes lay, a little widened."""
    ratios = sorted(
        sum(series[at : at + horizon]) / (horizon * rate)
        for at in range(WEEK, len(series) - horizon + 1)
        if horizon and (rate := _mean(series[at - WEEK : at])) > 0
    )
    if len(ratios) < FEWEST_TRIALS:
        return WITHOUT_TRIALS if horizon else (1.0, 1.0)
    beyond = (1 - SHARE) / 2
    up = min(len(ratios), math.ceil((len(ratios) + 1) * (1 - beyond)))
    down = max(1, math.floor((len(ratios) + 1) * beyond))
    return max(0.0, 1 + (ratios[down - 1] - 1) * WIDER), 1 + (ratios[up - 1] - 1) * WIDER


def _mean(series: Sequence[float]) -> float:
    return sum(series) / len(series)


def _exact(amount: float) -> Decimal:
    return Decimal(repr(round(amount, 6)))
