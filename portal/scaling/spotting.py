"""Spot capacity, as planned: how many tasks must stay on demand so that the rest may come and go.

Spot that goes may go for all tasks at once or for each by itself; half of the outages are taken to be of the
first kind. A stand-in that is raised within a minute or two leaves a part of each outage, and no more, short.
"""

import math
from dataclasses import dataclass

TOGETHER = 0.5
LEFT_SHORT = 0.25
"""The part of an outage that is over before tasks on demand stand in: on real traces it was 3 to 22 %."""

AVAILABILITY = 0.95
"""Taken until it is measured: over the zones of a region 95 to 97 % on two real traces, 69 on a bad one."""

INTERRUPTED = 0.02
"""What starting anew costs, as a share of the price on demand."""


@dataclass(frozen=True)
class Plan:
    """So many of `tasks` on demand, the others on spot: what they cost of now, and the share of the time in
    which fewer than are needed run."""

    tasks: int
    base: int
    cost_ratio: float
    short: float


def cost_ratio(tasks: int, base: int, ratio: float, availability: float) -> float:
    """What tasks cost with so many of them on demand, of all of them on demand; spot costs `ratio` of it."""
    share = base / tasks
    return share + (1 - share) * (ratio * availability + (1 - availability))


def short(tasks: int, base: int, needed: int, availability: float, *, stood_in_for: bool) -> float:
    """The share of the time in which fewer than `needed` tasks run."""
    gone = 1 - availability
    at_once = gone if base < needed else 0.0
    spot = tasks - base
    fewer = range(min(spot, needed - base - 1) + 1)
    by_itself = sum(math.comb(spot, up) * availability**up * gone ** (spot - up) for up in fewer)
    return (LEFT_SHORT if stood_in_for else 1) * (TOGETHER * at_once + (1 - TOGETHER) * by_itself)


def plans(
    tasks: int, needed: int, ratio: float, availability: float, *, stood_in_for: bool = True
) -> list[Plan]:
    """What each number of tasks on demand comes to, the fewest first."""
    return [
        Plan(
            tasks,
            base,
            cost_ratio(tasks, base, ratio, availability),
            short(tasks, base, needed, availability, stood_in_for=stood_in_for),
        )
        for base in range(tasks + 1)
    ]


def plan(
    tasks: int,
    needed: int,
    ratio: float,
    availability: float,
    *,
    target: float,
    least: int = 0,
    stood_in_for: bool = True,
) -> Plan:
    """The fewest tasks on demand, at least `least`, with which the time short of `needed` stays in target.

    With all of them on demand it always does.
    """
    found = plans(tasks, needed, ratio, availability, stood_in_for=stood_in_for)
    return next(one for one in found[min(least, tasks) :] if one.short <= target)


def beats_promise(ratio: float, availability: float, needed_share: float) -> bool:
    """Whether spot is cheaper than a promise of a year, which pays from this share of the hours on."""
    return ratio * availability + (1 - availability) + INTERRUPTED < needed_share
