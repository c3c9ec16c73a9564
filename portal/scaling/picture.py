"""The scale picture, as asked: capacity and load now, and what other ways to scale would have cost."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from portal import costs, metering
from portal.kit.period import add_months, calendar_month
from portal.scaling import policies
from portal.scaling.figures import Capacity, figures
from portal.scaling.policies import Tried
from portal.scaling.prices import prices
from portal.scaling.rules import Hours
from portal.scaling.watching import price_of

HOUR, WEEK = timedelta(hours=1), timedelta(days=7)


@dataclass(frozen=True)
class Runs:
    """A service as it was last seen at the provider: its tasks, and the price of one an hour (US dollars)."""

    name: str
    tasks: int
    hourly: float
    seen_at: datetime


@dataclass(frozen=True)
class Picture:
    """Load in calls an hour: `newest` of the last whole hour, which begins `at`, `busiest` of the last seven
    days, `day` the busiest of each hour of the day (UTC) in them.

    `tried` are ways to scale through the calendar month `month`, when capacity and its calls are known, and
    `runs` the services that were seen.
    """

    capacity: Capacity | None
    at: datetime
    newest: int
    busiest: int
    day: tuple[int, ...]
    month: datetime
    tried: tuple[Tried, ...]
    runs: tuple[Runs, ...]

    @property
    def carries(self) -> int | None:
        """How many calls an hour all tasks carry."""
        return self.capacity.tasks * self.capacity.calls_an_hour if self.capacity else None


def picture(session: Session, *, now: datetime) -> Picture:
    """How it stands."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    month, this = add_months(calendar_month(now)[0], -1), calendar_month(now)[0]
    known, listed = figures(session).capacity, prices(session)
    newest = _hours(session, hour - WEEK, hour)
    tried: list[Tried] = []
    if known is not None:
        load = _hours(session, month - policies.WEEKS_BEFORE * WEEK, this)
        before = policies.WEEKS_BEFORE * policies.WEEK_HOURS
        tried = policies.tried(load[:before], load[before:], known) if load[before:].any() else []
    runs = tuple(
        Runs(row.name, row.facts["running"] or row.facts["desired"], price, row.seen_at)
        for row in costs.resources(session, kind="ecs")
        if (price := price_of(row, listed)) is not None
    )
    day = policies.by_hour(np.roll(newest, hour.hour))
    return Picture(
        known, hour - HOUR, int(newest[-1]), int(newest.max()), tuple(day), month, tuple(tried), runs
    )


def _hours(session: Session, since: datetime, until: datetime) -> Hours:
    counted = metering.load(session, since, until)
    span = (since + number * HOUR for number in range(int((until - since) / HOUR)))
    return np.array([counted.get(at, 0) for at in span], float)
