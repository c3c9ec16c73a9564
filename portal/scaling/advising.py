"""Advice about one pool, as worked out: how much to promise, what it saves, and what it costs if all ends.

Everything is in units of the bill's currency. A promise is tried on every four weeks of the pool's own past,
which is its record; its range is what ranges.py expects of the year to come.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from portal.scaling import ranges
from portal.scaling.rules import (
    HOURS_A_DAY,
    LOOK_BACK_DAYS,
    TERM_MONTHS,
    Hours,
    agree,
    asked,
    break_even,
    to_promise,
    worthwhile,
)

MONTH_HOURS, TERM_HOURS = 730, 8760
TRIAL_HOURS, STEP_HOURS = 28 * HOURS_A_DAY, 7 * HOURS_A_DAY
LEAST_HOURS = 30 * HOURS_A_DAY
USUAL_DAYS = 60
LEAST_HOURLY, LEAST_MONTHLY = 0.001, 1.0
"""The smallest commitment that AWS takes, and the smallest saving a month that is worth a thought."""


@dataclass(frozen=True)
class Promise:
    """A level an hour at on-demand prices, promised at `hourly`: what it is expected to save a month.

    `worst` is what is still owed over its year if all use stops tomorrow. `saved` of `tried` periods of four
    weeks would have saved money.
    """

    level: float
    hourly: float
    low: float
    likely: float
    high: float
    worst: float
    saved: int
    tried: int


@dataclass(frozen=True)
class Advice:
    """What to promise (None: nothing), and the usual advice of the last 60 days, which was not followed.

    `above` says for each look-back, by its days, in which share of its hours the level was needed. `pays` is
    the share of a year's hours from which a promise pays, with the odds in it that the platform lives, and
    `asked` the share of those seen that is asked for, which is more while not all seasons were.
    """

    days: int
    rate: float
    pays: float
    asked: float
    promised: float
    suggested: Promise | None
    usual: Promise | None
    levels: dict[int, float]
    above: dict[int, float]

    @property
    def break_even_months(self) -> float:
        """After how many months of full use the year is paid for."""
        return TERM_MONTHS * self.rate


def advise(hours: Hours, rate: float, survival: Sequence[float], promised: float) -> Advice:
    """Advice from hours of use; `promised` of them an hour are covered already. The newest hour is last."""
    days = len(hours) // HOURS_A_DAY
    pays = break_even(rate, survival)
    share = asked(pays, days)
    agreed = agree(hours, share)
    suggested = _promise(hours, rate, to_promise(agreed, promised), promised)
    if suggested is not None and suggested.likely < LEAST_MONTHLY:
        suggested = None
    window = hours[-USUAL_DAYS * HOURS_A_DAY :]
    usual = _promise(hours, rate, max(0.0, worthwhile(window, rate) - promised), promised)
    level = (suggested or usual or _NOTHING).level + promised
    backs = [days for days in LOOK_BACK_DAYS if days * HOURS_A_DAY <= len(hours)]
    above = {days: float(np.mean(hours[-days * HOURS_A_DAY :] >= level - 1e-9)) for days in backs}
    return Advice(days, rate, pays, share, promised, suggested, usual, dict(agreed.levels), above)


def _promise(hours: Hours, rate: float, level: float, promised: float) -> Promise | None:
    """A promise with its trials; None when it is too small for anybody to bother, even fully used."""
    hourly = rate * level
    most = (level - hourly) * MONTH_HOURS
    if hourly < LEAST_HOURLY or most < LEAST_MONTHLY or len(hours) < LEAST_HOURS:
        return None
    hour_by_hour = np.minimum(np.maximum(hours - promised, 0), level) - hourly
    starts = range(len(hours) - TRIAL_HOURS, -1, -STEP_HOURS)
    months = np.array([hour_by_hour[at : at + TRIAL_HOURS].mean() * MONTH_HOURS for at in starts])
    use = ranges.expected(ranges.before(hours, promised, level))
    low, likely, high = ((part * level - hourly) * MONTH_HOURS for part in (use.low, use.likely, use.high))
    worst = hourly * TERM_HOURS
    return Promise(level, hourly, low, likely, high, worst, int((months > 0).sum()), len(months))


_NOTHING = Promise(0, 0, 0, 0, 0, 0, 0, 0)
