"""Spot capacity, as suggested: for services on Fargate, and the workers among them, that run on demand."""

import math
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy.orm import Session

from portal.scaling import resting, spotting, tasks
from portal.scaling.cases import Alternative, Asked, BreakEven, Case, Evidence, Found, Saving, Worst
from portal.scaling.pausing import CURRENCY, LEAST_MONTHLY, MONTH_HOURS
from portal.scaling.prices import Prices, prices
from portal.scaling.rules import TERM_MONTHS, break_even
from portal.scaling.spotting import Plan, cost_ratio
from portal.scaling.steering import fallbacks
from portal.scaling.texts import TOGETHER
from portal.scaling.watching import SERVICES, Watched, watched

CHEAPER = (0.8, 0.6)
"""What spot costs usually, and when it is cheap, of what it costs when it is dear."""

LEAST_TASKS = 2
MEASURED = 3 * 24 * 60
"""Task-minutes of spot after which its availability is taken from them: three tasks for a day."""

SHARE_NEEDED = {True: 0.5, False: 0.75}
TARGET = {True: 0.02, False: 0.01}
"""Of workers and of others: the part of the tasks that must run, and the time in which fewer may."""


def look(session: Session, asked: Asked) -> Iterable[Found]:
    """Every service on Fargate that runs on demand."""
    if asked.currency != CURRENCY:
        return
    availability, everything = measured(session), watched(session, asked.now)
    known = prices(session)
    pairs, names = fallbacks(session), {one.row.id for one in everything}
    for one in everything:
        if one.row.kind == "ecs" and not _is_on_spot(one, pairs) and f"{one.row.id}-spot" not in names:
            found = (
                None if resting.runs_for_nobody(one.idle) else case(one, known, availability, asked.survival)
            )
            yield Found(one.row.id, found, one.until)


def measured(session: Session) -> float | None:
    """The share of the time in which spot tasks ran, from all pairs; None while too little is known."""
    rows = fallbacks(session).values()
    minutes, missing = sum(row.watched for row in rows), sum(row.missing for row in rows)
    return 1 - missing / minutes if minutes >= MEASURED else None


def case(one: Watched, known: Prices, availability: float | None, survival: Sequence[float]) -> Case | None:
    """A base on demand with the rest on spot; None when nothing is left for spot, or it saves too little."""
    facts, there = one.row.facts, spotting.AVAILABILITY if availability is None else availability
    count, is_worker = one.usual_tasks, facts["target_group"] is None
    if count < LEAST_TASKS:
        return None
    needed = math.ceil(SHARE_NEEDED[is_worker] * count)
    least = 0 if is_worker else 2 if count >= 4 else 1
    dear = known.spot_ratio
    found = spotting.plan(count, needed, dear, there, target=TARGET[is_worker], least=least)
    whole = one.price * count * MONTH_HOURS
    low, likely, high = (
        whole * (1 - cost_ratio(count, found.base, dear * share, there)) for share in (1, *CHEAPER)
    )
    if found.base == count or low < LEAST_MONTHLY:
        return None
    steps, undo = tasks.spot(one.row, count, found.base)
    return Case(
        title=f"{one.row.name} on spot",
        what=f"Run {count - found.base} of the {count} tasks of {one.row.name} on spot.",
        why="Spot is cheaper because AWS may take it away, and tasks on demand stand in for it when it does.",
        saving=Saving(low, likely, high, _at(dear)),
        worst=Worst(0.0, "is owed: while no spot is to be had, all of it costs what it costs now"),
        break_even=BreakEven(
            "First hour", f"It costs {100 * found.cost_ratio:.0f} % of now when spot is dear."
        ),
        evidence=_evidence(spotting.plans(count, needed, dear, there), needed, least, found),
        known_from="what runs, and the availability of spot",
        steps=steps,
        undo=undo,
        alternatives=(_promise(whole, there, known, survival),),
        checks=(
            ("Availability of spot", _availability(availability)),
            ("Enough is", f"{needed} of {count} tasks, but for {100 * TARGET[is_worker]:.0f} % of the time"),
            ("Interruptions", "Tasks get two minutes' notice: set stopTimeout to 120 seconds"),
            ("Price", f"${one.price:.4f} a task and hour on demand. {known.words}."),
            TOGETHER,
        ),
        data={"services": list(SERVICES["ecs"])},
    )


def _at(dear: float) -> str:
    percents = [f"{100 * dear * share:.0f}" for share in (1, *CHEAPER)]
    return f"At spot prices of {', '.join(percents[:-1])} and {percents[-1]} % of on demand."


def _promise(whole: float, availability: float, known: Prices, survival: Sequence[float]) -> Alternative:
    """To promise all of what it costs a month on demand for a year instead."""
    rate = known.rates["promise.compute"].value
    beaten = spotting.beats_promise(known.spot_ratio, availability, break_even(rate, survival))
    saves = whole * (1 - rate)
    return Alternative(
        "Promise all of it for a year instead",
        Saving(saves, saves, saves),
        whole * rate * TERM_MONTHS,
        f"{'It saves less a task, and it' if beaten else 'It'} is owed when the platform ends.",
    )


def _is_on_spot(one: Watched, pairs: Collection[str]) -> bool:
    """Whether it runs on spot, or stands in for what does."""
    facts = one.row.facts
    stands_in = any(
        pair.startswith(f"{facts['cluster']}/") and pair.endswith(f"+{one.row.name}") for pair in pairs
    )
    return stands_in or any(each["name"] == "FARGATE_SPOT" for each in facts["providers"])


def _availability(availability: float | None) -> str:
    if availability is None:
        return (
            f"{100 * spotting.AVAILABILITY:.0f} %, assumed until pairs of services were watched for a while"
        )
    return f"{100 * availability:.1f} %, measured on your own tasks"


def _evidence(every: Sequence[Plan], needed: int, least: int, found: Plan) -> Evidence:
    return Evidence(
        title="How many tasks on demand",
        words=f"What each base costs of now, and how often fewer than {needed} of {found.tasks} would run."
        + (f" At least {least} stay in any case, because it answers requests." if least else ""),
        columns=("On demand", "Cost of now", "Time with too few"),
        rows=tuple(
            (
                f"{one.base}, suggested" if one.base == found.base else f"{one.base}",
                f"{100 * one.cost_ratio:.0f} %",
                f"{100 * one.short:.2f} %",
            )
            for one in every[: found.base + 3]
        ),
    )
