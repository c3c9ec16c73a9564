"""Scaling, as decided: how much capacity to promise for a year, and when to promise none.

The rule is the agreement of look-backs. Over each look-back the level that pays for itself is a quantile
of the hours (the newsvendor's answer); what is promised is the smallest of them, so that only the level
which every horizon agrees on is bought. Growth is followed at the speed of the evidence, decline is seen
by the shortest look-back. What seasons were not seen yet is answered by asking for more.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOOK_BACK_DAYS = (30, 60, 91, 182, 364)
TERM_MONTHS = 12
HOURS_A_DAY = 24
YEAR_DAYS = 364
Hours = NDArray[np.float64]
"""Demand by the hour, in units of capacity or in dollars at on-demand prices; the newest last."""


@dataclass(frozen=True)
class Agreement:
    """What each look-back says, by its days, and the level that all of them agree on."""

    levels: dict[int, float]
    level: float


def break_even(beta: float, survival: Sequence[float] = ()) -> float:
    """The share of hours in which a unit must be in use to be worth its promise.

    `beta` is the promised price as a share of the on-demand price. `survival` is, for each month of the
    term, the odds that the project still runs; none means that it surely does. From 1 on nothing is
    worth a promise.
    """
    assert beta > 0
    if not survival:
        return beta
    mean = sum(survival) / len(survival)
    return beta / mean if mean > 0 else math.inf


def asked(share: float, days: int) -> float:
    """The share of the hours seen that is asked for when `share` of a year's pays, and `days` were seen.

    Of the idle hours that a promise can bear, half are kept for each season that nobody saw yet.
    """
    if share >= 1:
        return share
    seen = min(1.0, days / YEAR_DAYS)
    return 1 - (1 - share) * (1 + seen) / 2


def survival(monthly_hazard: float, months: int = TERM_MONTHS) -> tuple[float, ...]:
    """The odds that a project which closes with this hazard each month still runs in month 1, 2, ..."""
    assert 0 <= monthly_hazard <= 1
    return tuple((1 - monthly_hazard) ** month for month in range(1, months + 1))


def worthwhile(hours: Hours, share: float) -> float:
    """The highest level that is needed in more than `share` of these hours; 0 when there is none."""
    if share >= 1 or not len(hours):
        return 0.0
    needed = math.floor(share * len(hours) + 1e-9) + 1
    return float(np.partition(hours, len(hours) - needed)[len(hours) - needed])


def agree(hours: Hours, share: float, look_back_days: Sequence[int] = LOOK_BACK_DAYS) -> Agreement:
    """What the look-backs that the history fills say; less than the shortest says nothing: 0."""
    days = len(hours) // HOURS_A_DAY
    levels = {
        back: worthwhile(hours[-back * HOURS_A_DAY :], share) for back in look_back_days if back <= days
    }
    return Agreement(levels, min(levels.values(), default=0.0))


def to_promise(agreed: Agreement, promised: float, caution: float = 1.0) -> float:
    """What to promise beside what is promised already; `caution` 0.5 goes half the way."""
    assert 0 < caution <= 1
    return caution * max(0.0, agreed.level - promised)
