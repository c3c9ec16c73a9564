"""Proofs: what following the advice would have meant, beside what it says of itself.

Whether its ranges hold, and what it costs a platform that closes one day while it still owes its promises.
"""

from collections.abc import Sequence

import numpy as np

from portal.scaling.backtesting import (
    EVERY_WEEKS,
    TERM_WEEKS,
    Lot,
    Policy,
    Window,
    agreement,
    follow,
    windows,
)
from portal.scaling.hindsight import WEEK_HOURS
from portal.scaling.ranges import Trial, before, share
from portal.scaling.rules import Hours, survival

SMALL_UNITS = 4
MONTH_WEEKS = 365 / 84


def trials(demand: Hours, *, beta: float, history_weeks: int) -> list[Trial]:
    """Every promise of the advice in the windows of a series whose year lies in its window."""
    found = []
    for window in windows(demand, history_weeks):
        lots = follow(window, agreement, beta)
        for number, lot in enumerate(lots):
            if lot.week + TERM_WEEKS <= window.weeks:
                known, year = window.until(lot.week), window.until(lot.week + TERM_WEEKS)
                promised = sum(one.units for one in lots[:number] if lot.week < one.week + TERM_WEEKS)
                used = share(year[len(known) :], promised, lot.units)
                found.append(Trial(before(known, promised, lot.units), used))
    return found


def closing(
    demands: Sequence[Hours],
    *,
    beta: float,
    monthly_hazard: float,
    history_weeks: int,
    policy: Policy = agreement,
    gated: bool = True,
) -> float:
    """Expected cost of a small platform that closes with this chance each month, of its cost on demand.

    What is promised is owed to the end of its year, whether the platform lives or not; one that lives to the
    end of the window pays what lies within. `gated` tells the advice the chance.
    """
    odds = survival(monthly_hazard) if gated else ()
    paid = on_demand = 0.0
    for demand in demands:
        for window in windows(demand, history_weeks, SMALL_UNITS):
            lots = follow(window, policy, beta, survival=odds)
            one, other = _expected(window, lots, beta, monthly_hazard)
            paid, on_demand = paid + one, on_demand + other
    return paid / on_demand if on_demand else 1.0


def _expected(window: Window, lots: Sequence[Lot], beta: float, monthly_hazard: float) -> tuple[float, float]:
    level = np.zeros(window.weeks)
    for lot in lots:
        level[lot.week : lot.week + TERM_WEEKS] += lot.units
    weeks = window.by_week
    above = np.maximum(0, weeks - level[:, None]).sum(axis=1)
    lives = (1 - monthly_hazard) ** (np.arange(window.weeks) // EVERY_WEEKS * EVERY_WEEKS / MONTH_WEEKS)
    used, on_demand = float(lives @ above), float(lives @ weeks.sum(axis=1))
    survives = (1 - monthly_hazard) ** (window.weeks / MONTH_WEEKS)
    owed = 0.0
    for lot in lots:
        within = min(TERM_WEEKS, window.weeks - lot.week)
        owed += lot.units * ((lives[lot.week] - survives) * TERM_WEEKS + survives * within)
    return used + beta * WEEK_HOURS * owed, on_demand
