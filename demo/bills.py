"""Bills: what the cloud charges for the embedding workers, what the operator types and does about it."""

import csv
import io
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from demo import cloud
from demo.people import Staff
from demo.stage import Stage
from portal import costs, scaling, sustainability
from portal.kit.money import Money

IMPORTS: Final = (40, 20, 1)
"""So many days ago the operator imports a bill."""
PROMISED_DAYS, CACHE_DAYS, SPIKE_DAYS = 40, 44, 3
"""Since when the database is promised, the cache is used, and how long ago the workers ran wild for a day."""
ALERTS: Final = (150_000, 200_000)
CREDIT_DAYS = 130
SERVERS = scaling.Capacity(tasks=2, calls_an_hour=45_000, hourly=0.04937, balancer_monthly=22.30)
CALLS = scaling.Calls(milliseconds=140, memory_mb=512)
"""What the operator types of the service that answers calls."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DATABASE, CACHE, WORKERS = 0.118, 0.068, 0.62
DISCOUNT = 0.30
ECS, RDS, ELASTICACHE = (
    "Amazon Elastic Container Service",
    "Amazon Relational Database Service",
    "Amazon ElastiCache",
)
COLUMNS: Final = (
    "ProviderName", "BillingAccountId", "BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd",
    "BillingCurrency", "ServiceName", "ChargeCategory", "PricingCategory", "PricingUnit", "BilledCost",
    "EffectiveCost", "ContractedCost", "CommitmentDiscountStatus", "Tags", "ChargeDescription",
)  # fmt: skip
TEAMS: Final = {ECS: "embedding", RDS: "analytics", ELASTICACHE: "search"}
MACHINES: Final = {RDS: "db.t4g.large running PostgreSQL", ELASTICACHE: "cache.t4g.medium running Redis"}


def bring_in(stage: Stage, staff: Staff, days_ago: int, story_days: int) -> None:
    """On some days the operator imports the bill so far, and decides what it suggests."""
    if days_ago not in IMPORTS or days_ago >= story_days:
        return
    now, actor = stage.now, staff.operator
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    end = today + days_ago * DAY
    file = io.BytesIO(_written(end - story_days * DAY, today, end).encode())
    if days_ago == IMPORTS[-1]:
        cloud.survey(stage)
    name = f"memoryhub-focus-{today:%Y-%m-%d}.csv"
    with stage.unit() as session:
        costs.take_bills(session, [costs.BillFile(name, file)], currency="usd", actor=actor, now=now)
        if days_ago == IMPORTS[0]:
            for cents in ALERTS:
                costs.set_level(session, Money(cents), actor=actor, now=now)
            for typed in (SERVERS, CALLS, scaling.Credits(8_500.0, f"{end + CREDIT_DAYS * DAY:%Y-%m-%d}")):
                scaling.type_figures(session, typed, actor=actor, now=now)
        costs.watch(session, "usd", now=now)
        sustainability.suggest(session, stage.payments, "usd", now=now)
        for one in scaling.suggestions(session, "usd", now=now):
            if one.row.subject == "database" and one.may("apply"):
                scaling.apply(session, one.row.id, actor=actor, now=now)


def _written(since: datetime, until: datetime, end: datetime) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(_lines(since, until, end))
    return out.getvalue()


def _lines(since: datetime, until: datetime, end: datetime) -> Iterator[dict[str, str]]:
    """The bill of `[since, until)` of a story that ends at `end`; the same hours always cost the same."""
    drawn, at = random.Random(11), since
    while at < until:
        left = (end - at) / DAY
        busy = 1 + 0.35 * (8 <= at.hour < 20) * (at.weekday() < 5) + drawn.uniform(0, 0.15)
        wild = 4 if SPIKE_DAYS - 1 < left <= SPIKE_DAYS else 1
        yield _line(at, ECS, WORKERS * busy * (1.25 - left / 400) * wild)
        if left > PROMISED_DAYS:
            yield _line(at, RDS, DATABASE)
        else:
            yield from _promised(at)
        if left <= CACHE_DAYS or at < since + DAY:
            yield _line(at, ELASTICACHE, CACHE)
        if at.hour == 0:
            yield _line(at, "Amazon Simple Storage Service", 0.92, PricingUnit="GB-Mo", hours=24)
            yield _line(at, "AWS Data Transfer", 0.4 + drawn.uniform(0, 0.3), PricingUnit="GB", hours=24)
        at += HOUR


def _promised(at: datetime) -> Iterator[dict[str, str]]:
    paid = DATABASE * (1 - DISCOUNT)
    yield _line(at, RDS, paid, ChargeCategory="Purchase", EffectiveCost="0", ContractedCost="")
    yield _line(
        at,
        RDS,
        0,
        PricingCategory="Committed",
        CommitmentDiscountStatus="Used",
        EffectiveCost=f"{paid:.6f}",
        ContractedCost=f"{DATABASE:.6f}",
    )


def _line(at: datetime, service: str, cost: float, *, hours: int = 1, **more: str) -> dict[str, str]:
    team, machine = TEAMS.get(service), MACHINES.get(service)
    return {
        "ProviderName": "AWS",
        "BillingAccountId": "210987654321",
        "BillingPeriodStart": f"{at:%Y-%m}-01T00:00:00Z",
        "ChargePeriodStart": f"{at:%Y-%m-%dT%H:00:00Z}",
        "ChargePeriodEnd": f"{at + hours * HOUR:%Y-%m-%dT%H:00:00Z}",
        "BillingCurrency": "USD",
        "ServiceName": service,
        "ChargeCategory": "Usage",
        "PricingCategory": "Standard",
        "PricingUnit": "Hours",
        "BilledCost": f"{cost:.6f}",
        "EffectiveCost": f"{cost:.6f}",
        "ContractedCost": f"{cost:.6f}",
        "ChargeDescription": f"{machine} for an hour" if machine else "",
        "Tags": f'{{"team": "{team}", "environment": "production"}}' if team else "",
    } | more
