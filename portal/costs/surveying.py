"""What runs and how busy it is, as surveyed: seen at AWS, and kept by the hour for 455 days."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from portal.costs import gateway
from portal.costs.gateway import Aws, Hour, Running
from portal.costs.models import CloudLoad, CloudResource, Collection
from portal.kit import ids
from portal.kit.db import unit
from portal.kit.errors import Refusal

KEPT, SURVEYS_KEPT = timedelta(days=455), timedelta(days=7)
HOUR, LATE = timedelta(hours=1), timedelta(minutes=10)
"""How late a measurement may come in."""

QUESTIONS = 400
"""After so many a survey ends, so that a task does; the first one of a large account takes several."""

ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('costs.resources'))")


@dataclass(frozen=True)
class Metric:
    """A metric of CloudWatch, and our word for it."""

    slug: str
    namespace: str
    name: str


METRICS = {
    "ecs": (
        Metric("cpu", "AWS/ECS", "CPUUtilization"),
        Metric("memory", "AWS/ECS", "MemoryUtilization"),
        Metric("requests", "AWS/ApplicationELB", "RequestCountPerTarget"),
    ),
    "rds": (
        Metric("cpu", "AWS/RDS", "CPUUtilization"),
        Metric("connections", "AWS/RDS", "DatabaseConnections"),
        Metric("free_memory", "AWS/RDS", "FreeableMemory"),
    ),
    "cache": (
        Metric("cpu", "AWS/ElastiCache", "CPUUtilization"),
        Metric("connections", "AWS/ElastiCache", "CurrConnections"),
        Metric("memory", "AWS/ElastiCache", "DatabaseMemoryUsagePercentage"),
    ),
}
"""Of each kind what is read: shares in percent, counts, and bytes of free memory."""


def survey(sessions: sessionmaker[Session], aws: Aws, *, most: int = QUESTIONS, now: datetime) -> int:
    """See what runs and read how busy it was since the last time; how many hours were read.

    The first time reads all that AWS kept. Broken off, or after `most` questions, it goes on the next time
    where it was, with what was not read for longest. What AWS refuses is noted and raised.
    """
    with sessions() as session, unit(session):
        row = Collection(id=ids.new("col"), kind="loads", begun_at=now, requests=0)
        session.add(row)
    read = 0
    try:
        found = gateway.runs(aws)
        with sessions() as session, unit(session):
            missing = _see(session, found, now)
        for resource, metric, since, until in missing:
            if aws.asked["cloudwatch"] >= most:
                break
            hours = gateway.hours(
                aws, metric.namespace, metric.name, about(resource, metric.slug), since, until
            )
            with sessions() as session, unit(session):
                read += _keep(session, resource.id, metric.slug, hours, until)
    except Refusal as refusal:
        _end(sessions, row.id, now, refusal.sentence)
        raise
    _end(sessions, row.id, now)
    return read


def resources(session: Session, *, kind: str | None = None) -> Sequence[CloudResource]:
    """What runs, by its id, as it was last seen."""
    statement = select(CloudResource).where(CloudResource.gone_at.is_(None)).order_by(CloudResource.id)
    return session.scalars(statement if kind is None else statement.where(CloudResource.kind == kind)).all()


def loads(session: Session, resource_id: str, metric: str, since: datetime) -> list[Hour]:
    """The hours since a moment in which something was measured, the earliest first."""
    rows = session.execute(
        select(*(getattr(CloudLoad, one.name) for one in fields(Hour)))
        .where(CloudLoad.resource_id == resource_id, CloudLoad.metric == metric, CloudLoad.at >= since)
        .order_by(CloudLoad.at)
    )
    return [Hour(*row) for row in rows]


def forget_loads(session: Session, *, now: datetime) -> None:
    """Forget what is older than AWS keeps it, and surveys of long ago."""
    session.execute(delete(CloudLoad).where(CloudLoad.at < now - KEPT))
    session.execute(
        delete(Collection).where(Collection.kind == "loads", Collection.begun_at < now - SURVEYS_KEPT)
    )


def about(one: Running, metric: str) -> dict[str, str]:
    """What CloudWatch calls it."""
    if one.kind == "rds":
        return {"DBInstanceIdentifier": one.name}
    if one.kind == "cache":
        return {"CacheClusterId": one.name}
    if metric == "requests":
        return {"TargetGroup": one.facts["target_group"]}
    return {"ClusterName": one.facts["cluster"], "ServiceName": one.name}


def _end(sessions: sessionmaker[Session], begun: str, now: datetime, problem: str | None = None) -> None:
    with sessions() as session, unit(session):
        row = session.get_one(Collection, begun)
        row.done_at, row.problem = now, problem


def _see(
    session: Session, found: Sequence[Running], now: datetime
) -> list[tuple[Running, Metric, datetime, datetime]]:
    """Note what runs; which metrics of it are to be read, and of which span, the furthest behind first."""
    session.execute(ONE_AT_A_TIME)
    until = (now - LATE).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    known = {row.id: row for row in session.scalars(select(CloudResource).with_for_update())}
    missing = []
    for one in found:
        row = known.pop(one.id, None)
        if row is None:
            row = CloudResource(id=one.id, kind=one.kind, name=one.name, read_until={}, first_seen_at=now)
            session.add(row)
        row.facts, row.seen_at, row.gone_at = one.facts, now, None
        for metric in METRICS[one.kind]:
            if metric.slug == "requests" and not one.facts["target_group"]:
                continue
            read = row.read_until.get(metric.slug)
            since = max(datetime.fromisoformat(read), until - KEPT) if read else until - KEPT
            if since < until:
                missing.append((one, metric, since, until))
    for row in known.values():
        row.gone_at = row.gone_at or now
    session.flush()
    return sorted(missing, key=lambda one: one[2])


def _keep(session: Session, resource_id: str, metric: str, hours: Sequence[Hour], until: datetime) -> int:
    rows = [{"resource_id": resource_id, "metric": metric, **asdict(hour)} for hour in hours]
    for piece in _pieces(rows):
        session.execute(insert(CloudLoad).values(piece).on_conflict_do_nothing())
    row = session.get_one(CloudResource, resource_id, with_for_update=True)
    row.read_until = {**row.read_until, metric: until.isoformat()}
    return len(rows)


def _pieces(rows: list[dict[str, Any]], size: int = 1_000) -> Iterator[list[dict[str, Any]]]:
    for at in range(0, len(rows), size):
        yield rows[at : at + size]
