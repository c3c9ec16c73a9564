"""What runs, as watched: its hours in a row, whether anybody came in them, and what they cost."""

import statistics
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal import costs
from portal.kit.period import midnight
from portal.scaling.prices import Prices, prices

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LOOKED_AT, WEEK_HOURS = 30 * DAY, 168
QUIET_PERCENT = 3.0
"""A service that nobody uses still keeps a little of its processor busy; more is taken for use."""

OWN_CONNECTIONS = 4
"""ElastiCache keeps two to four connections to each node for itself."""

TASK_SAMPLES = 60
"""Each task is measured once a minute."""

ENGINES = ("postgres", "mysql", "mariadb")
"""Databases whose price is known, or is a little lower than is said."""

SERVICES = {
    "ecs": ("fargate", "elastic container", "amazonecs"),
    "rds": ("relational database", "amazonrds", "rds"),
    "cache": ("elasticache",),
}
"""The words that the names of services hold on a bill."""


@dataclass(frozen=True)
class Watched:
    """One thing that runs, over the last thirty days (UTC), the newest hour last.

    `idle` says for each hour whether nobody came, None where it was not measured; `hourly` what it cost,
    in US dollars, and `tasks` how many ran. `price` is what one of it costs an hour.
    """

    row: costs.CloudResource
    until: datetime
    price: float
    idle: tuple[bool | None, ...]
    tasks: tuple[float, ...]

    @property
    def usual_tasks(self) -> int:
        """How many run when any do, in the middle of the last week."""
        newest = [count for count in self.tasks[-WEEK_HOURS:] if count]
        return round(statistics.median(newest)) if newest else 0

    @property
    def hourly(self) -> list[float]:
        """What each hour cost."""
        return [self.price * count for count in self.tasks]


def watched(session: Session, now: datetime) -> list[Watched]:
    """Everything that runs and has a price; caches of several nodes, which change together, are left out."""
    found, known, rows = [], prices(session), costs.resources(session)
    nodes = Counter(row.facts["group"] for row in rows if row.kind == "cache")
    for row in rows:
        price = price_of(row, known)
        is_alone = row.kind != "cache" or row.facts["group"] is None or nodes[row.facts["group"]] == 1
        if price is not None and is_alone:
            found.append(_watch(session, row, price, now))
    return found


def price_of(row: costs.CloudResource, known: Prices) -> float | None:
    """What one task or machine costs an hour, in US dollars; None when that is not known, or another's."""
    facts = row.facts
    if row.kind == "ecs":
        providers = {one["name"] for one in facts["providers"]}
        if facts["launch"] != "FARGATE" and not providers & {"FARGATE", "FARGATE_SPOT"}:
            return None
        whole = known.task(facts["cpu"], facts["memory"], facts["architecture"])
        return whole * (known.spot_ratio if providers == {"FARGATE_SPOT"} else 1)
    found = known.machine(facts["type"])
    if found is None or (row.kind == "rds" and facts["engine"] not in ENGINES):
        return None
    if row.kind == "rds":
        return found.hourly * (2 if facts["multi_az"] else 1)
    return int(facts["nodes"]) * (known.valkey(found.hourly) if facts["engine"] == "valkey" else found.hourly)


def _watch(session: Session, row: costs.CloudResource, price: float, now: datetime) -> Watched:
    since = midnight(now) - LOOKED_AT
    processor = {one.at: one for one in costs.loads(session, row.id, "cpu", since)}
    until = max(processor, default=since - HOUR) + HOUR
    span = [since + number * HOUR for number in range(int((until - since) / HOUR))]
    came = _came(session, row, since, processor)
    tasks: Sequence[float] = [1.0] * len(span)
    if row.kind == "ecs":
        tasks = [max(1, round(processor[at].samples / TASK_SAMPLES)) if at in processor else 0 for at in span]
    return Watched(
        row, until, price, tuple(None if at not in came else not came[at] for at in span), tuple(tasks)
    )


def _came(
    session: Session, row: costs.CloudResource, since: datetime, measured: Collection[datetime]
) -> dict[datetime, bool]:
    """For each hour that was measured, whether anybody came."""
    if row.kind != "ecs":
        own = OWN_CONNECTIONS if row.kind == "cache" else 0
        connections = costs.loads(session, row.id, "connections", since)
        return {one.at: one.maximum > own for one in connections}
    if row.facts["target_group"]:
        requests = {one.at: one.total > 0 for one in costs.loads(session, row.id, "requests", since)}
        return {at: requests.get(at, False) for at in measured} if requests else {}
    return {one.at: one.maximum > QUIET_PERCENT for one in costs.loads(session, row.id, "cpu", since)}
