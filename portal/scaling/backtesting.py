"""Back-testing: what each way of promising would have cost on demand that really was.

A window is followed for up to 104 weeks from a moment that knows only the weeks before it. Promises are
made every fourth week for 52 weeks, and paid for the part that lies within the window. Cost is measured in
hours of one unit at the on-demand price.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from portal.scaling.hindsight import WEEK_HOURS, optimum
from portal.scaling.rules import HOURS_A_DAY, Hours, agree, asked, break_even, to_promise, worthwhile

WINDOW_WEEKS, LEAST_WEEKS, STRIDE_WEEKS, EVERY_WEEKS, TERM_WEEKS = 104, 52, 13, 4, 52
USUAL_UNITS = 20


@dataclass(frozen=True)
class Window:
    """A series around a window: the history before it, in hours, and the window itself."""

    span: Hours
    history_weeks: int

    @property
    def by_week(self) -> Hours:
        """The window, a row of 168 hours a week."""
        return self.span[self.history_weeks * WEEK_HOURS :].reshape(-1, WEEK_HOURS)

    @property
    def weeks(self) -> int:
        """How long it is."""
        return len(self.span) // WEEK_HOURS - self.history_weeks

    def until(self, week: int) -> Hours:
        """What is known at the start of one of its weeks."""
        return self.span[: (self.history_weeks + week) * WEEK_HOURS]


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
    survival: Sequence[float] = ()

    @property
    def days(self) -> int:
        """For how many days demand is known."""
        return len(self.hours) // HOURS_A_DAY

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
    """Follow every policy through the windows of one series; None when the series is too short for any."""
    lengths, outcomes = [], {policy: [] for policy in POLICIES}  # type: ignore[var-annotated]
    for one in windows(demand, history_weeks):
        lengths.append(one.weeks)
        least = optimum(one.by_week, beta, TERM_WEEKS)
        for policy, decide in POLICIES.items():
            lots = follow(one, decide, beta, caution)
            outcomes[policy].append(_outcome(one.by_week, lots, beta, least))
    return Tried(name, lengths, outcomes) if lengths else None


def windows(demand: Hours, history_weeks: int, mean_units: int = USUAL_UNITS) -> Iterator[Window]:
    """The windows of a series, in whole units: about so many on average, at least a tenth of them."""
    per_unit = max(float(demand.mean()) / mean_units, 1e-12)
    units = np.maximum(max(1, mean_units // 10), np.ceil(demand / per_unit))
    weeks = len(units) // WEEK_HOURS
    for start in range(history_weeks, weeks - LEAST_WEEKS + 1, STRIDE_WEEKS):
        length = min(WINDOW_WEEKS, weeks - start)
        if length < WINDOW_WEEKS and start > history_weeks:
            return  # a shortened window is for series that have no whole one
        yield Window(
            units[(start - history_weeks) * WEEK_HOURS : (start + length) * WEEK_HOURS], history_weeks
        )


def follow(
    window: Window, decide: Policy, beta: float, caution: float = 1.0, survival: Sequence[float] = ()
) -> list[Lot]:
    """What is promised in a window, decided every fourth week from what is known by then."""
    lots: list[Lot] = []
    for week in range(0, window.weeks, EVERY_WEEKS):
        if (units := decide(Seen(window.until(week), week, tuple(lots), beta, caution, survival))) > 0:
            lots.append(Lot(week, units))
    return lots


def summarise(tried: Iterable[Tried]) -> dict[str, Summary]:
    """Every policy over all series."""
    tried = list(tried)
    return {policy: _summary([one.outcomes[policy] for one in tried]) for policy in POLICIES}


def agreement(seen: Seen) -> float:
    """Ours."""
    share = asked(break_even(seen.beta, seen.survival), seen.days)
    return to_promise(agree(seen.hours, share), seen.promised, seen.caution)


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
    "agreement": agreement,
    "on-demand": lambda seen: 0.0,
    "look-back 30 d monthly": _look_back(30),
    "look-back 60 d monthly": _look_back(60),
    "look-back 30 d yearly": _look_back(30, TERM_WEEKS),
    "look-back 60 d yearly": _look_back(60, TERM_WEEKS),
    "ski rental": _ski_rental,
}


def _outcome(weeks: Hours, lots: Sequence[Lot], beta: float, least: float) -> Outcome:
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
