"""The stand-in for spot capacity, as decided: raised when spot tasks are missing, given back afterwards.

What the on-demand service runs for itself, whoever set it, is told apart from what was lent to it here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

HOLD = timedelta(minutes=10)
"""For how long spot must be back before what stands in for it is given back."""

STARTING = timedelta(minutes=2)
"""Longer than a task takes to start: what waits longer waits for capacity."""


@dataclass(frozen=True)
class Bounds:
    """The least and the most tasks of the on-demand service."""

    base: int
    most: int


@dataclass(frozen=True)
class Standing:
    """How things stand: so many tasks of the on-demand service are `lent`, and spot needs fewer since
    `calm_since` (None: it needs as many)."""

    lent: int = 0
    calm_since: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """How many tasks the on-demand service should run, and how things stand then."""

    desired: int
    standing: Standing


def count_missing(
    desired: int, running: int, pending: int, short_since: datetime | None, *, now: datetime
) -> tuple[int, datetime | None]:
    """How many spot tasks have no capacity, and since when fewer run than should.

    What is being started is not missing, unless it was for too long.
    """
    short = max(0, desired - running)
    if not short:
        return 0, None
    since = short_since or now
    return (short if now - since >= STARTING else max(0, short - pending)), since


def decide(desired: int, missing: int, standing: Standing, bounds: Bounds, *, now: datetime) -> Decision:
    """What to do when the on-demand service should run `desired` tasks and `missing` spot tasks do not run.

    Raised at once, given back after HOLD; never below its base, and never raised above its most.
    """
    own = max(bounds.base, desired - standing.lent)
    room = max(0, bounds.most - own)
    needed, lent = min(missing, room), min(standing.lent, room)
    if needed >= lent:
        return Decision(own + needed, Standing(needed))
    calm_since = standing.calm_since or now
    if now - calm_since >= HOLD:
        return Decision(own + needed, Standing(needed))
    return Decision(own + lent, Standing(lent, calm_since))
