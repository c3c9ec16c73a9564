"""Rest, as suggested: a pause at night where nobody comes, and an end for what runs for nobody at all."""

from collections.abc import Iterable
from datetime import UTC

from sqlalchemy.orm import Session

from portal.scaling import machines, resting, tasks, texts
from portal.scaling.cases import Alternative, Asked, BreakEven, Case, Evidence, Found, Saving, Worst
from portal.scaling.prices import Prices, prices
from portal.scaling.watching import HOUR, SERVICES, WEEK_HOURS, Watched, watched

CURRENCY = "usd"
"""AWS bills in US dollars."""

LEAST_MONTHLY = 1.0
MONTH_HOURS = 730
LOST = {
    "ecs": "is owed, but who comes then is refused until a task runs again, about two minutes later",
    "rds": "is owed, but who comes then finds no database until it runs again, about ten minutes later",
    "cache": "is owed, but what it held is read from its source again, more slowly, until it is filled",
}
IDLE_WORDS = {
    "ecs": "no request",
    "worker": "no work",
    "rds": "no connection",
    "cache": "no connection but AWS's own",
}


def look_at_nights(session: Session, asked: Asked) -> Iterable[Found]:
    """Every service and database that could sleep at night; a cache cannot."""
    if asked.currency != CURRENCY:
        return
    known = prices(session)
    for one in watched(session, asked.now):
        if one.row.kind != "cache" and _can_stop(one):
            case = None if resting.runs_for_nobody(one.idle) else night(one, known)
            yield Found(one.row.id, case, one.until)


def look_at_idle(session: Session, asked: Asked) -> Iterable[Found]:
    """Everything that may run for nobody."""
    if asked.currency != CURRENCY:
        return
    known = prices(session)
    for one in watched(session, asked.now):
        if _can_stop(one):
            yield Found(
                one.row.id, idle(one, known) if resting.runs_for_nobody(one.idle) else None, one.until
            )


def night(one: Watched, known: Prices) -> Case | None:
    """A pause at night; None when no hours are quiet enough, or it saves too little to be worth a thought."""
    found = resting.pause(one.idle, one.hourly)
    if found is None or found.monthly[1] < LEAST_MONTHLY:
        return None
    hours = f"{found.starts_hour:02}:00 to {found.ends_hour:02}:00 UTC"
    between = found.starts_hour, found.ends_hour
    is_service = one.row.kind == "ecs"
    steps, undo = (
        tasks.pause(one.row, *between, one.usual_tasks) if is_service else machines.pause(one.row, *between)
    )
    nights = f"{found.idle} of {found.measured} nights"
    return Case(
        title=f"{one.row.name} at night",
        what=f"Let {one.row.name} sleep from {hours}.",
        why=f"In {nights} it had {_nothing(one)} in these hours.",
        saving=Saving(*found.monthly, f"As each of the last {found.measured} nights would have saved."),
        worst=Worst(0.0, LOST[one.row.kind]),
        break_even=BreakEven("First night", "It costs nothing to set up."),
        evidence=_by_hour(one),
        known_from=f"{len(one.idle) // 24} days of CloudWatch",
        steps=steps,
        undo=undo,
        alternatives=_around_the_clock(one),
        checks=(
            ("Nights with nobody", f"{nights}: in the others somebody would have found it asleep"),
            ("Price", f"${one.price:.4f} an hour. {known.words}."),
            *texts.caveats(one.row),
        ),
        data={"services": list(SERVICES[one.row.kind])},
    )


def idle(one: Watched, known: Prices) -> Case | None:
    """An end for what nobody used in two weeks."""
    monthly = one.hourly[-1] * MONTH_HOURS if one.hourly else 0.0
    if monthly < LEAST_MONTHLY:
        return None
    steps, undo = (tasks if one.row.kind == "ecs" else machines).end(one.row)
    return Case(
        title=f"{one.row.name} runs for nobody",
        what=f"Switch {one.row.name} off.",
        why=f"In {resting.IDLE_DAYS} days it had {_nothing(one)}.",
        saving=Saving(monthly, monthly, monthly, "What it costs at its list price, storage not counted."),
        worst=Worst(0.0, LOST[one.row.kind]),
        break_even=BreakEven("First hour", "It costs nothing to switch it off."),
        evidence=_by_week(one),
        known_from=f"{len(one.idle) // 24} days of CloudWatch",
        steps=steps,
        undo=undo,
        checks=(("Price", f"${one.price:.4f} an hour. {known.words}."), *texts.caveats(one.row)),
        data={"services": list(SERVICES[one.row.kind])},
    )


def _nothing(one: Watched) -> str:
    is_worker = one.row.kind == "ecs" and not one.row.facts["target_group"]
    return IDLE_WORDS["worker" if is_worker else one.row.kind]


def _can_stop(one: Watched) -> bool:
    """AWS stops no database that has or is a replica, and one of a cluster only with all of it."""
    facts = one.row.facts
    stands = one.row.kind != "rds" or facts["status"] == "available"
    return stands and not facts.get("replicates") and (one.row.kind == "ecs" or not facts.get("cluster"))


def _around_the_clock(one: Watched) -> tuple[Alternative, ...]:
    monthly = sum(one.hourly) / len(one.hourly) * MONTH_HOURS
    none = Saving(monthly, monthly, monthly)
    return (Alternative("Switch it off altogether", none, 0.0, "It is used by day."),)


def _by_hour(one: Watched) -> Evidence:
    shares = enumerate(resting.busy_shares(one.idle))
    return Evidence(
        title="Days on which somebody came",
        words="For each hour of the day (UTC), on which share of the days somebody came.",
        heading="Hour",
        unit="percent",
        series=tuple((f"{hour:02}", round(100 * share)) for hour, share in shares),
    )


def _by_week(one: Watched) -> Evidence:
    weeks = []
    for end in range(len(one.idle), WEEK_HOURS - 1, -WEEK_HOURS):
        known = [hour for hour in one.idle[end - WEEK_HOURS : end] if hour is not None]
        starts_at = (one.until - (len(one.idle) - end + WEEK_HOURS) * HOUR).astimezone(UTC)
        used = len(known) - sum(known)
        weeks.append((f"{starts_at.day} {starts_at:%B}", f"{len(known)}", f"{used}"))
    return Evidence(
        title="Hours in which somebody came",
        words="By week: how many hours were measured, and in how many of them somebody came.",
        columns=("Week from", "Hours measured", "Hours in use"),
        rows=tuple(weeks),
    )
