"""What runs at AWS and how busy it was, put there for tests of what is suggested about it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from portal.costs.models import CloudLoad, CloudResource

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
FACTS = {
    "ecs": {
        "cluster": "main",
        "launch": "FARGATE",
        "providers": [],
        "desired": 2,
        "running": 2,
        "pending": 0,
        "cpu": 1024,
        "memory": 4096,
        "architecture": "X86_64",
        "definition": "web:7",
        "target_group": "targetgroup/web/ab",
    },
    "rds": {
        "type": "db.t4g.medium",
        "engine": "postgres",
        "status": "available",
        "multi_az": False,
        "cluster": None,
        "replicates": False,
    },
    "cache": {
        "type": "cache.t4g.medium",
        "engine": "valkey",
        "status": "available",
        "nodes": 1,
        "group": "sessions",
    },
}


def resource(kind, name="web", **facts):
    """Something that runs, not yet stored."""
    path = f"main/{name}" if kind == "ecs" else name
    return CloudResource(
        id=f"{kind}/{path}",
        kind=kind,
        name=name,
        facts=FACTS[kind] | facts,
        read_until={},
        first_seen_at=NOW,
        seen_at=NOW,
    )


def runs(session, kind, name="web", *, days=31, facts=None, **metrics):
    """Something that runs, with its metrics: for each, what an hour of the day was like (a callable).

    What is told of an hour is its maximum, of which the average is half, and its sum.
    """
    row = resource(kind, name, **(facts or {}))
    session.add(row)
    session.flush()
    first = NOW.replace(hour=0) - days * timedelta(days=1)
    span = [first + number * HOUR for number in range(days * 24 + NOW.hour)]
    for metric, busy in metrics.items():
        session.execute(
            insert(CloudLoad.__table__),
            [
                {
                    "resource_id": row.id,
                    "metric": metric,
                    "at": at,
                    "average": busy(at) / 2,
                    "minimum": busy(at),
                    "maximum": busy(at),
                    "total": busy(at),
                    "samples": 60 * row.facts.get("desired", 1),
                }
                for at in span
            ],
        )
    return row


def by_day(value, night=0.0):
    """Busy from 6 to 22 UTC."""
    return lambda at: value if 6 <= at.hour < 22 else night


def always(value):
    """The same in every hour."""
    return lambda at: value
