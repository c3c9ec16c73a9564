"""Back-testing: what each way of promising would have cost on demand that really was.

A window is followed for up to 104 weeks from a moment that knows only the weeks before it. Promises are
made every fourth week for 52 weeks, and paid for the part that lies within the window. Cost is measured in
hours of one unit at the on-demand price.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from portal.scaling.hindsight import WEEK_HOURS, optimum
from portal.scaling.rules import HOURS_A_DAY, Hours, agree, to_promise, worthwhile

WINDOW_WEEKS, LEAST_WEEKS, STRIDE_WEEKS, EVERY_WEEKS, TERM_WEEKS = 104, 52, 13, 4, 52
USUAL_UNITS, LEAST_UNITS = 20, 2


@dataclass(frozen=True)
class Lot:
    """Units promised from a week of the window on."""

    week: int
    units: float


@dataclass(frozen=True)
class Seen:
    """What somebody who decides at the start of a week knows: the hours before, what was promised when."""

    hours: Hours
    week: int
    lots: Sequence[Lot]
    beta: float
    caution: float

    @property
    def promised(self) -> float:
        """Units that are promised for this week already."""
        return sum(lot.units for lot in self.lots if lot.week <= self.week < lot.week + TERM_WEEKS)


Policy = Callable[[Seen], float]
"""How many more units to promise now."""


@dataclass(frozen=True)
class Outcome:
    """One policy in one window. `regret` is cost over the least possible, less 1; `of_on_demand` is cost over
    the cost without any promise; `losing` is the share of promised money in lots that lost money."""

    regret: float
    of_on_demand: float
    promised: float
    losing: float


@dataclass(frozen=True)
class Tried:
    """A series, and what each policy did in each of its windows."""

    name: str
    weeks: Sequence[int]
    outcomes: Mapping[str, Sequence[Outcome]]


@dataclass(frozen=True)
class Summary:
    """One policy over all series: means are over series of means over windows, the rest over windows."""

    mean_regret: float
    p95_regret: float
    worst_of_on_demand: float
    losing: float


def backtest(
    name: str, demand: Hours, *, beta: float, history_weeks: int, caution: float = 1.0
) -> Tried | None:
    """Follow every policy through the windows of one series; None when the series is too short for any.

    Demand is turned into whole units first: about 20 on average, at least 2.
    """
    units = np.maximum(LEAST_UNITS, np.ceil(demand / max(demand.mean() / USUAL_UNITS, 1e-12)))
    weeks = len(units) // WEEK_HOURS
    lengths, outcomes = [], {policy: [] for policy in POLICIES}  # type: ignore[var-annotated]
    for start in range(history_weeks, weeks - LEAST_WEEKS + 1, STRIDE_WEEKS):
        length = min(WINDOW_WEEKS, weeks - start)
        if length < WINDOW_WEEKS and lengths:
            break  # a shortened window is for series that have no whole one
        span = units[(start - history_weeks) * WEEK_HOURS : (start + length) * WEEK_HOURS]
        lengths.append(length)
        least = optimum(_by_week(span[history_weeks * WEEK_HOURS :]), beta, TERM_WEEKS)
        for policy, decide in POLICIES.items():
            lots = _follow(span, history_weeks, length, decide, beta, caution)
            outcomes[policy].append(_outcome(span[history_weeks * WEEK_HOURS :], lots, beta, least))
    return Tried(name, lengths, outcomes) if lengths else None


def summarise(tried: Iterable[Tried]) -> dict[str, Summary]:
    """Every policy over all series."""
    tried = list(tried)
    return {policy: _summary([one.outcomes[policy] for one in tried]) for policy in POLICIES}


def _agreement(seen: Seen) -> float:
    return to_promise(agree(seen.hours, seen.beta), seen.promised, seen.caution)


def _look_back(days: int, every_weeks: int = EVERY_WEEKS) -> Policy:
    """The most saved over one trailing look-back, less what is promised: how clouds themselves advise."""

    def decide(seen: Seen) -> float:
        if seen.week % every_weeks:
            return 0.0
        return max(0.0, worthwhile(seen.hours[-days * HOURS_A_DAY :], seen.beta) - seen.promised)

    return decide


def _ski_rental(seen: Seen) -> float:
    """One more unit whenever the hours that it would have served in the term before cost more than it.

    Deterministic and online (Wang, Li and Liang, 2013); it looks no further back than the window, and units
    that were bought count as if they had been there before, so that no hour speaks twice.
    """
    past = seen.hours[-min(seen.week, TERM_WEEKS) * WEEK_HOURS :] if seen.week else seen.hours[:0]
    more = 0
    while (past > seen.promised + more).sum() > seen.beta * TERM_WEEKS * WEEK_HOURS:
        more += 1
    return float(more)


POLICIES: Mapping[str, Policy] = {
    "agreement": _agreement,
    "on-demand": lambda seen: 0.0,
    "look-back 30 d monthly": _look_back(30),
    "look-back 60 d monthly": _look_back(60),
    "look-back 30 d yearly": _look_back(30, TERM_WEEKS),
    "look-back 60 d yearly": _look_back(60, TERM_WEEKS),
    "ski rental": _ski_rental,
}


def _follow(
    span: Hours, history_weeks: int, length: int, decide: Policy, beta: float, caution: float
) -> list[Lot]:
    lots: list[Lot] = []
    for week in range(0, length, EVERY_WEEKS):
        seen = Seen(span[: (history_weeks + week) * WEEK_HOURS], week, tuple(lots), beta, caution)
        if (units := decide(seen)) > 0:
            lots.append(Lot(week, units))
    return lots


def _outcome(hours: Hours, lots: Sequence[Lot], beta: float, least: float) -> Outcome:
    weeks = _by_week(hours)
    level = np.zeros(len(weeks))
    promised = lost = 0.0
    for lot in lots:  # the older lot is filled first, so each is judged by the hours above those before it
        within = slice(lot.week, lot.week + TERM_WEEKS)
        above = weeks[within] - level[within, None]
        cost = beta * WEEK_HOURS * lot.units * len(above)
        promised += cost
        lost += cost if np.clip(above, 0, lot.units).sum() < cost else 0.0
        level[within] += lot.units
    cost = promised + np.maximum(0, weeks - level[:, None]).sum()
    return Outcome(
        regret=float(cost / least - 1),
        of_on_demand=float(cost / weeks.sum()),
        promised=promised,
        losing=lost / promised if promised else 0.0,
    )


def _summary(series: Sequence[Sequence[Outcome]]) -> Summary:
    every = [outcome for outcomes in series for outcome in outcomes]
    promised = sum(outcome.promised for outcome in every)
    lost = sum(outcome.losing * outcome.promised for outcome in every)
    return Summary(
        mean_regret=float(np.mean([np.mean([one.regret for one in outcomes]) for outcomes in series])),
        p95_regret=float(np.percentile([outcome.regret for outcome in every], 95)),
        worst_of_on_demand=max(outcome.of_on_demand for outcome in every),
        losing=lost / promised if promised else 0.0,
    )


def _by_week(hours: Hours) -> Hours:
    return hours[: len(hours) // WEEK_HOURS * WEEK_HOURS].reshape(-1, WEEK_HOURS)
