"""Savings, as measured: read from charge rows, once a suggestion was carried out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from portal import costs, metering
from portal.kit.period import midnight
from portal.scaling.models import Suggestion

BEFORE = timedelta(days=28)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Measured:
    """What was saved, in units of the currency, in so many days that bills tell of."""

    amount: Decimal
    days: int


def covered(session: Session, row: Suggestion, now: datetime) -> Measured:
    """What commitments saved: on-demand prices of what they covered, less what they cost and left unused.

    `data` names the services by words that their names hold.
    """
    assert row.applied_at is not None
    data, since = row.case["data"], midnight(row.applied_at)
    told = {"like": data.get("like"), "unlike": data.get("unlike")}
    found = costs.saved(session, data["services"], row.currency, since, **told)
    return Measured(found.amount, found.days)


def changed(session: Session, row: Suggestion, now: datetime) -> Measured:
    """What another shape saved: its cost a day in the four weeks before, less its cost a day since.

    `data` names the services by words that their names hold, and `resources` when only those are meant;
    with `by_calls` the cost of a call is compared instead, so that growth is not taken for waste. The day
    of the change itself is left out.
    """
    assert row.applied_at is not None
    data, day = row.case["data"], midnight(row.applied_at)
    services, resources = data["services"], data.get("resources", ())
    before = costs.spent(session, services, row.currency, day - BEFORE, day, resources)
    after = costs.spent(session, services, row.currency, day + DAY, now, resources)
    if not before.days or not after.days:
        return Measured(Decimal(), 0)
    usual = before.amount * after.days / before.days
    if data.get("by_calls"):
        then = metering.units(session, "calls", day - before.days * DAY, day)
        since = metering.units(session, "calls", day + DAY, day + (1 + after.days) * DAY)
        usual = before.amount * since / then if then else usual
    return Measured(usual - after.amount, after.days)


def credited(session: Session, row: Suggestion, now: datetime) -> Measured:
    """What credits took off the bills."""
    assert row.applied_at is not None
    found = costs.credited(session, row.currency, midnight(row.applied_at))
    return Measured(found.amount, found.days)
