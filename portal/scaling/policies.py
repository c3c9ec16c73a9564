"""Ways to scale, as decided: what each would have cost in a month that was, and when it was short.

Load is known by the hour, so what happens within one is not seen: what follows the load is short in an hour
that begins with fewer tasks than it needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from portal.scaling.figures import Capacity
from portal.scaling.rules import Hours

WEEK_HOURS, WEEKS_BEFORE = 168, 4
ROOM = 1.25
"""A plan leaves a quarter more than it expects."""

TARGET = 0.7
"""Target tracking keeps tasks busy to this share."""


@dataclass(frozen=True)
class Tried:
    """A way to scale through a month: its cost in units of the currency, its tasks on average and at most,
    and in how many hours it was short."""

    name: str
    cost: float
    mean_tasks: float
    most_tasks: int
    short_hours: int


def tried(before: Hours, month: Hours, capacity: Capacity) -> list[Tried]:
    """Every way, in a month's hours, knowing the hours before it; the newest hour is last."""
    if not len(month):
        return []
    carries, load = capacity.calls_an_hour, np.concatenate([before, month])
    fixed = np.full(len(month), capacity.tasks)
    scheduled = _scheduled(load, len(before), capacity)
    tracking = _needed(np.maximum(load, np.concatenate([load[:1], load[:-1]])) / TARGET, carries)
    at_start = np.concatenate([tracking[:1], tracking[:-1]])[len(before) :]
    return [
        _tried("As it is now", fixed, fixed, month, capacity),
        _tried("By the clock", scheduled, scheduled, month, capacity),
        _tried("By the load", tracking[len(before) :], at_start, month, capacity),
    ]


def schedule(weeks: Hours, capacity: Capacity) -> tuple[int, ...]:
    """The tasks for each hour of the week that whole weeks of load call for, from their first hour on."""
    busiest = weeks.reshape(-1, WEEK_HOURS).max(axis=0)
    return tuple(int(one) for one in _needed(busiest * ROOM, capacity.calls_an_hour))


def _scheduled(load: Hours, begins: int, capacity: Capacity) -> Hours:
    """Each week's plan is made from the four weeks before it; without them it is what stands now."""
    tasks = np.full(len(load), float(capacity.tasks))
    for at in range(begins, len(load), WEEK_HOURS):
        if at >= WEEKS_BEFORE * WEEK_HOURS:
            plan = schedule(load[at - WEEKS_BEFORE * WEEK_HOURS : at], capacity)
            tasks[at : at + WEEK_HOURS] = plan[: len(load) - at]
    return tasks[begins:]


def _needed(load: Hours, carries: int) -> Hours:
    return np.maximum(1, np.ceil(load / carries))


def _tried(name: str, paid: Hours, at_start: Hours, load: Hours, capacity: Capacity) -> Tried:
    return Tried(
        name,
        float(paid.sum()) * capacity.hourly,
        float(paid.mean()),
        int(paid.max()),
        int((load > at_start * capacity.calls_an_hour).sum()),
    )


def by_hour(load: Hours) -> Sequence[int]:
    """The busiest of each hour of the day, in whole days of load."""
    days = load[: len(load) // 24 * 24].reshape(-1, 24)
    return [int(one) for one in days.max(axis=0)] if len(days) else []
