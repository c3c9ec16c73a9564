"""Promises for a year, as suggested: of each pool, from what its bills tell by the hour."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from portal import costs
from portal.scaling.advising import Advice, Promise, advise
from portal.scaling.cases import Alternative, Asked, BreakEven, Case, Evidence, Found, Saving, Step, Worst
from portal.scaling.models import Suggestion
from portal.scaling.pools import POOLS, Pool
from portal.scaling.rates import Rate, rates

HISTORY = timedelta(days=455)
HOUR = timedelta(hours=1)
LONGEST = timedelta(days=31)  # a row of a bill may tell of a whole month
WEEK_HOURS, TERM_DAYS = 168, 365
USUAL = "What would have saved most in the last 60 days alone"


def look(session: Session, asked: Asked) -> Iterable[Found]:
    """Every pool that bills tell of."""
    known = rates(session)
    for pool in POOLS:
        rate, services, told = known[pool.rate], pool.services, {"like": pool.like, "unlike": pool.unlike}
        demand = costs.billed_demand(session, services, asked.currency, asked.now - HISTORY, **told)
        if demand is not None:
            covered = max(demand.covered[-WEEK_HOURS:], default=0.0)
            advice = advise(np.array(demand.hours), rate.value, asked.survival, covered)
            newest = demand.ends_at - LONGEST
            machines = costs.machines(session, services, asked.currency, newest, **told)
            yield Found(pool.slug, case(pool, rate, advice, machines, asked), demand.ends_at)


def notice(session: Session, row: Suggestion) -> datetime | None:
    """The first hour since its acceptance in which the bill covers half of it or more."""
    assert row.accepted_at is not None
    data = row.case["data"]
    since = row.accepted_at - LONGEST
    told = {"like": data.get("like"), "unlike": data.get("unlike")}
    demand = costs.billed_demand(session, data["services"], row.currency, since, **told)
    if demand is None:
        return None
    enough = data["promised"] + data["level"] / 2
    hours = ((demand.starts_at + number * HOUR, part) for number, part in enumerate(demand.covered))
    return next((at for at, part in hours if at >= row.accepted_at and part >= enough), None)


def case(pool: Pool, rate: Rate, advice: Advice, machines: Sequence[str], asked: Asked) -> Case | None:
    """What is said of a pool; None when neither we nor the usual rule would promise anything."""
    promise = advice.suggested or advice.usual
    if promise is None:
        return None
    usual = advice.usual if advice.suggested and advice.usual != advice.suggested else None
    return Case(
        title=pool.name,
        what=f"Promise {_hourly(promise, asked.currency)} an hour for a year.",
        why=_why(advice),
        saving=_saving(promise),
        worst=Worst(promise.worst, "is still owed if all use stops tomorrow", TERM_DAYS),
        break_even=BreakEven(
            "Never" if advice.pays >= 1 else f"{round(100 * advice.pays)} % of hours",
            f"The year is paid for after {advice.break_even_months:.1f} months of full use.",
        ),
        evidence=_evidence(advice),
        known_from=f"{advice.days} days of bills",
        steps=tuple(Step(name, text) for name, text in pool.steps(promise.hourly, machines)),
        undo=pool.undo,
        alternatives=(Alternative(USUAL, _saving(usual), usual.worst, _why_not(advice)),) if usual else (),
        checks=(
            (
                "Price",
                f"{round(100 * rate.value)} % of the on-demand price, {rate.words}. The first command prints "
                "the real one.",
            ),
            (
                "Record",
                f"It would have saved money in {promise.saved} of {promise.tried} periods of four weeks",
            ),
            *((("Machines", f"{', '.join(machines)}: as your bills name them"),) if machines else ()),
            ("Covered already", "Taken off before this was worked out"),
        ),
        against=_against(advice, asked),
        data={
            "services": list(pool.services),
            "like": pool.like,
            "unlike": pool.unlike,
            "level": promise.level,
            "hourly": promise.hourly,
            "promised": advice.promised,
        },
    )


def _against(advice: Advice, asked: Asked) -> str:
    if advice.suggested is None:
        return _why_not(advice)
    if asked.cash is not None and asked.cash < advice.suggested.worst:
        return "Your cash does not cover what would still be owed if all use stopped tomorrow."
    return ""


def _why(advice: Advice) -> str:
    if advice.suggested is None:
        return "That is usual advice, from the last 60 days alone."
    return (
        f"So much was used in enough hours of every look-back of the last {advice.days} days that it pays, "
        "also with the odds that the platform closes."
    )


def _why_not(advice: Advice) -> str:
    if advice.pays >= 1:
        return "With the odds that the platform closes it never pays."
    more = ", and more is asked for while no whole year is known" if advice.asked > advice.pays else ""
    return (
        f"It pays from {round(100 * advice.pays)} % of the hours on{more}: not every look-back agrees on a "
        "level that is used so much."
    )


def _saving(promise: Promise) -> Saving:
    return Saving(
        promise.low, promise.likely, promise.high, "Eight of ten promises like it lay in this range."
    )


def _evidence(advice: Advice) -> Evidence:
    share = round(100 * min(1, advice.asked))
    return Evidence(
        title="Hours at or above the level",
        words="In which share of the hours this level was needed, by how far one looks back.",
        heading="Look-back",
        unit="percent",
        series=tuple((f"{days} days", round(100 * share)) for days, share in advice.above.items()),
        line=(share, f"Asked for: {share} percent"),
    )


def _hourly(promise: Promise, currency: str) -> str:
    return f"${promise.hourly:.3f}" if currency == "usd" else f"{promise.hourly:.3f} {currency.upper()}"
