"""The running month, as asked: what it costs so far, and what it comes to."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.costs import forecasting, queries, rules
from portal.costs.forecasting import Days, Expected
from portal.costs.models import Bill, DailyCharge
from portal.costs.rules import TYPED
from portal.kit.money import Money
from portal.kit.period import add_months, calendar_month

LOOK_BACK_MONTHS = 4
USAGE = "Usage"


@dataclass(frozen=True)
class Outlook:
    """A month in one currency: so far, and by its end eight of ten times between `low` and `high`.

    What is typed counts whole from its first day. `billed_until` is the newest day that a bill tells of.
    """

    so_far: Money
    low: Money
    likely: Money
    high: Money
    billed_until: datetime | None

    @property
    def is_known(self) -> bool:
        """Whether nothing more is expected."""
        return self.low == self.high == self.so_far


def outlook(session: Session, currency: str, *, now: datetime) -> Outlook:
    """What the calendar month (UTC) that holds `now` comes to."""
    starts_at, ends_at = calendar_month(now)
    month = queries.month(session, now)
    so_far, standing = month.total(currency), _typed_for(session, now)
    days, billed = _days(session, starts_at, currency), _billed(session, starts_at, currency)
    found: list[Expected] = [
        forecasting.expect(days[provider], billed.get(provider, Decimal()), starts_at, ends_at)
        for provider in {*days, *billed}
        if provider in billed or provider.lower() not in standing
    ]
    more = [sum(getattr(one, name) - one.so_far for one in found) for name in ("low", "likely", "high")]
    low, likely, high = (_plus(so_far, Decimal(one)) for one in more)
    newest = [one.newest for one in days.values() if one.newest is not None]
    return Outlook(so_far, low, likely, high, max(newest, default=None))


def _typed_for(session: Session, now: datetime) -> set[str]:
    """The providers for whose bills something typed stands in for this month."""
    at = calendar_month(now)[0]
    counted = {
        charge.name
        for one in queries.month(session, now).services
        for charge in one.charges
        if charge.source == TYPED
    }
    return {
        row.billed_by.lower()
        for row in queries.typed(session)
        if row.billed_by and row.name in counted and rules.counts(row.begins_at, row.ends_at, at)
    }


def _days(session: Session, starts_at: datetime, currency: str) -> dict[str, Days]:
    since = add_months(starts_at, -LOOK_BACK_MONTHS)
    statement = (
        select(Bill.provider, DailyCharge.day, DailyCharge.category, func.sum(DailyCharge.billed))
        .join(Bill, Bill.id == DailyCharge.bill_id)
        .where(Bill.replaced_at.is_(None), Bill.month.between(since, starts_at))
        .where(DailyCharge.currency == currency)
        .group_by(Bill.provider, DailyCharge.day, DailyCharge.category)
    )
    usage: dict[str, dict[datetime, Decimal]] = defaultdict(dict)
    others: dict[str, dict[datetime, Decimal]] = defaultdict(dict)
    for provider, day, category, cost in session.execute(statement):
        kept = usage[provider] if category == USAGE else others[provider]
        kept[day] = kept.get(day, Decimal()) + cost
    return {provider: Days(usage[provider], others[provider]) for provider in {*usage, *others}}


def _billed(session: Session, starts_at: datetime, currency: str) -> dict[str, Decimal]:
    statement = (
        select(Bill.provider, func.sum(DailyCharge.billed))
        .join(Bill, Bill.id == DailyCharge.bill_id)
        .where(Bill.replaced_at.is_(None), Bill.month == starts_at, DailyCharge.currency == currency)
        .group_by(Bill.provider)
    )
    return {provider: amount for provider, amount in session.execute(statement)}  # noqa: C416


def _plus(so_far: Money, more: Decimal) -> Money:
    [extra] = rules.spread({"": more}, so_far.currency).values()
    return Money(so_far.amount + extra.amount, so_far.currency)
