"""Smaller sizes, as suggested: where the busiest moments of thirty days left more than half of it free."""

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from portal import costs
from portal.scaling import machines, resting, sizing, tasks
from portal.scaling.cases import Asked, BreakEven, Case, Evidence, Found, Saving, Worst
from portal.scaling.pausing import CURRENCY, LEAST_MONTHLY, MONTH_HOURS
from portal.scaling.prices import Prices, prices
from portal.scaling.sizing import Use
from portal.scaling.texts import TOGETHER, Texts
from portal.scaling.watching import LOOKED_AT, SERVICES, Watched, watched

GIGABYTE = 1024.0**3
TOO_SMALL = "is owed: it is too small in a peak, and is given its old size back in minutes"


def look(session: Session, asked: Asked) -> Iterable[Found]:
    """Everything that has a smaller size and is not better switched off."""
    if asked.currency != CURRENCY:
        return
    known = prices(session)
    for one in watched(session, asked.now):
        found = None if resting.runs_for_nobody(one.idle) else case(session, one, known, asked)
        yield Found(one.row.id, found, one.until)


def case(session: Session, one: Watched, known: Prices, asked: Asked) -> Case | None:
    """The next smaller size; None when it would not do, or saves too little to be worth a thought."""
    since = asked.now - LOOKED_AT
    processor = _use(costs.loads(session, one.row.id, "cpu", since))
    if processor is None:
        return None
    if one.row.kind == "ecs":
        return _task(one, known, processor, _use(costs.loads(session, one.row.id, "memory", since)))
    larger, less = known.machine(one.row.facts["type"]), known.smaller(one.row.facts["type"])
    if larger is None or less is None:
        return None
    memory = _memory(session, one.row, larger.memory, asked)
    if memory is None or not sizing.fits(less, processor, memory):
        return None
    saves = one.price * (1 - less.hourly / larger.hourly) * MONTH_HOURS
    held = Use(100 * memory / larger.memory, 100 * memory / larger.memory)
    return _case(one, known, less.type, saves, processor, held, machines.shrink(one.row, less.type))


def _task(one: Watched, known: Prices, processor: Use, held: Use | None) -> Case | None:
    facts = one.row.facts
    if held is None or not one.tasks:
        return None
    found = sizing.smaller_task(facts["cpu"], facts["memory"], processor, held)
    if found is None:
        return None
    cpu, memory = found
    less = (
        one.price
        * known.task(cpu, memory, facts["architecture"])
        / known.task(facts["cpu"], facts["memory"], facts["architecture"])
    )
    saves = (one.price - less) * MONTH_HOURS * sum(one.tasks) / len(one.tasks)
    name = f"{cpu / 1024:g} processors and {memory:,} MB"
    return _case(one, known, name, saves, processor, held, tasks.shrink(one.row, cpu, memory))


def _case(
    one: Watched, known: Prices, size: str, saves: float, processor: Use, held: Use, told: Texts
) -> Case | None:
    if saves < LEAST_MONTHLY:
        return None
    steps, undo = told
    return Case(
        title=f"A size smaller for {one.row.name}",
        what=f"Give {one.row.name} {size}.",
        why="In its busiest moments of thirty days more than half of what it has was free.",
        saving=Saving(saves, saves, saves, "The difference of two list prices, for what ran."),
        worst=Worst(0.0, TOO_SMALL),
        break_even=BreakEven("First hour", "It costs nothing to change."),
        evidence=Evidence(
            title="What of it was used",
            words="In percent over thirty days: usually, and in all but the busiest thousandth of the hours.",
            heading="What",
            unit="percent",
            series=(
                ("Processor, usually", round(processor.usual)),
                ("Processor, at most", round(processor.peak)),
                ("Memory, usually", round(held.usual)),
                ("Memory, at most", round(held.peak)),
            ),
            line=(50, "Half"),
        ),
        known_from=f"{len(one.idle) // 24} days of CloudWatch",
        steps=steps,
        undo=undo,
        checks=(("Price", f"${one.price:.4f} an hour now. {known.words}."), TOGETHER),
        data={"services": list(SERVICES[one.row.kind])},
    )


def _memory(session: Session, row: costs.CloudResource, whole: float, asked: Asked) -> float | None:
    """How many GB were held at most; None when that is not known."""
    since = asked.now - LOOKED_AT
    if row.kind == "rds":
        free = costs.loads(session, row.id, "free_memory", since)
        return whole - min(one.minimum for one in free) / GIGABYTE if free else None
    held = costs.loads(session, row.id, "memory", since)
    return whole * max(one.maximum for one in held) / 100 if held else None


def _use(loads: Sequence[costs.LoadHour]) -> Use | None:
    return sizing.use([one.average for one in loads], [one.maximum for one in loads])
