"""Unusual costs, as asked: services that began to cost more than is usual for them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.costs import anomalies
from portal.costs.forecasting import DAY
from portal.costs.models import Bill, DailyCharge
from portal.kit.money import MINOR_DIGITS, Money

LOOK_BACK, SHOWN = timedelta(days=70), timedelta(days=14)


@dataclass(frozen=True)
class Spike:
    """A day (UTC) on which a service began to cost more than is usual on such a day."""

    service: str
    day: datetime
    cost: Money
    usual: Money


def spikes(session: Session, currency: str, *, now: datetime) -> list[Spike]:
    """Those of the last two weeks, the newest first."""
    rows = session.execute(
        select(DailyCharge.service, DailyCharge.day, func.sum(DailyCharge.billed))
        .join(Bill, Bill.id == DailyCharge.bill_id)
        .where(Bill.replaced_at.is_(None), DailyCharge.currency == currency)
        .where(DailyCharge.category == "Usage", DailyCharge.day >= now - LOOK_BACK)
        .group_by(DailyCharge.service, DailyCharge.day)
    )
    services: dict[str, dict[datetime, Decimal]] = defaultdict(dict)
    for service, day, cost in rows:
        services[service][day] = cost
    found = [one for service, days in services.items() for one in _of(service, days, currency)]
    recent = [one for one in found if one.day > now - SHOWN]
    return sorted(recent, key=lambda one: (one.day, one.cost.amount - one.usual.amount), reverse=True)


def _of(service: str, days: dict[datetime, Decimal], currency: str) -> list[Spike]:
    first, unit = min(days), 10 ** MINOR_DIGITS.get(currency, 2)
    series = [float(days.get(first + n * DAY, 0)) for n in range((max(days) - first).days + 1)]
    return [
        Spike(
            service,
            first + one.at * DAY,
            Money(round(one.value * unit), currency),
            Money(round(one.usual * unit), currency),
        )
        for one in anomalies.unusual(series)
    ]
