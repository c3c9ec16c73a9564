"""Costs, as asked."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from portal.costs import rules
from portal.costs.models import Bill, DailyCharge, TagCharge, TypedCost
from portal.costs.rules import TYPED, Charge, Month
from portal.kit.errors import Missing
from portal.kit.money import Money
from portal.kit.period import add_months, calendar_month

Exact = dict[tuple[datetime, str], dict[tuple[str, str], Decimal]]
"""By billing month and currency: what each provider charges for each service."""


@dataclass(frozen=True)
class Billed:
    """What bills say of a service in a month: what is invoiced for it, and what it truly costs.

    The two differ by what was paid ahead. Amounts add up to the totals of their currency.
    """

    service: str
    billed: Money
    effective: Money


@dataclass(frozen=True)
class Tagged:
    """What bills say of a tag's value in a month; `value` is None for what does not carry the tag."""

    value: str | None
    billed: Money


def month(session: Session, at: datetime) -> Month:
    """What the calendar month (UTC) that holds `at` costs, by service.

    What is typed counts whole also in the running month; bills tell only of what was charged so far.
    """
    return months(session, at, 1)[0]


def months(session: Session, since: datetime, count: int) -> list[Month]:
    """So many calendar months from the one that holds `since` on, the earliest first."""
    first = calendar_month(since)[0]
    span = [add_months(first, number) for number in range(count)]
    rows, billed = _between(session, first, span[-1]), _exact(session, first, span[-1])
    return [rules.month(at, [*_typed(rows, at, billed), *_billed(billed, at)]) for at in span]


def billed(session: Session, at: datetime) -> list[Billed]:
    """What the standing bills of a calendar month say, by service, dearest first in each currency."""
    found = _services(session, calendar_month(at)[0])
    shown = []
    for currency, services in found.items():
        billed = rules.spread({service: sums[0] for service, sums in services.items()}, currency)
        effective = rules.spread({service: sums[1] for service, sums in services.items()}, currency)
        shown += [Billed(service, billed[service], effective[service]) for service in services]
    return sorted(shown, key=lambda one: (one.billed.currency, -one.billed.amount, one.service))


def days(session: Session, at: datetime, currency: str) -> dict[datetime, Money]:
    """What the standing bills of a calendar month charge on each day that they tell of."""
    statement = (
        select(DailyCharge.day, func.sum(DailyCharge.billed))
        .join(Bill, Bill.id == DailyCharge.bill_id)
        .where(Bill.month == calendar_month(at)[0], Bill.replaced_at.is_(None))
        .where(DailyCharge.currency == currency)
        .group_by(DailyCharge.day)
        .order_by(DailyCharge.day)
    )
    return rules.spread(dict(session.execute(statement).all()), currency)


def tags(session: Session, at: datetime, currency: str) -> list[str]:
    """The tags that a month's bills carry, those first that cover most of the cost."""
    statement = (
        select(TagCharge.name)
        .join(Bill, Bill.id == TagCharge.bill_id)
        .where(Bill.month == calendar_month(at)[0], Bill.replaced_at.is_(None))
        .where(TagCharge.currency == currency)
        .group_by(TagCharge.name)
        .order_by(func.sum(TagCharge.billed).desc(), TagCharge.name)
    )
    return list(session.scalars(statement))


def by_tag(session: Session, at: datetime, currency: str, name: str) -> list[Tagged]:
    """A month's bills by the values of one tag, dearest first, and what is untagged last."""
    month = calendar_month(at)[0]
    statement = (
        select(TagCharge.value, func.sum(TagCharge.billed))
        .join(Bill, Bill.id == TagCharge.bill_id)
        .where(Bill.month == month, Bill.replaced_at.is_(None))
        .where(TagCharge.currency == currency, TagCharge.name == name)
        .group_by(TagCharge.value)
    )
    exact: dict[str | None, Decimal] = dict(session.execute(statement).all())
    services = _services(session, month).get(currency, {})
    exact[None] = sum((sums[0] for sums in services.values()), Decimal()) - sum(exact.values(), Decimal())
    found = rules.spread(exact, currency)
    shown = [Tagged(value, amount) for value, amount in found.items()]
    return sorted(shown, key=lambda one: (one.value is None, -one.billed.amount, one.value or ""))


def providers(session: Session) -> list[str]:
    """Who sent bills, by name."""
    return list(session.scalars(select(Bill.provider).distinct().order_by(Bill.provider)))


def typed(session: Session) -> Sequence[TypedCost]:
    """Every cost that was ever typed: by service, then by when it begins."""
    return session.scalars(
        select(TypedCost).order_by(TypedCost.service, TypedCost.begins_at, TypedCost.id)
    ).all()


def one(session: Session, cost_id: str) -> TypedCost:
    """A typed cost, locked for a change; Missing when there is none."""
    statement = select(TypedCost).where(TypedCost.id == cost_id).with_for_update()
    row = session.scalar(statement.execution_options(populate_existing=True))
    if row is None:
        raise Missing("There is no such cost.")
    return row


def _between(session: Session, first: datetime, last: datetime) -> Sequence[TypedCost]:
    """What counts in any month from `first` to `last`."""
    ends_later = or_(TypedCost.ends_at.is_(None), TypedCost.ends_at > first)
    return session.scalars(select(TypedCost).where(TypedCost.begins_at <= last, ends_later)).all()


def _typed(rows: Sequence[TypedCost], at: datetime, billed: Exact) -> list[Charge]:
    """What is typed for a month, without what stands on a bill that was brought in for it."""
    told = {provider.lower() for (month, _), found in billed.items() if month == at for provider, _ in found}
    return [
        Charge(row.name, row.service, Money(row.amount, row.currency), TYPED)
        for row in rows
        if rules.counts(row.begins_at, row.ends_at, at) and (row.billed_by or "").lower() not in told
    ]


def _billed(billed: Exact, at: datetime) -> list[Charge]:
    return [
        Charge(f"{provider} bill", service, amount, provider)
        for (month, currency), exact in billed.items()
        if month == at
        for (provider, service), amount in rules.spread(exact, currency).items()
    ]


def _exact(session: Session, first: datetime, last: datetime) -> Exact:
    statement = (
        select(
            Bill.month, Bill.provider, DailyCharge.service, DailyCharge.currency, func.sum(DailyCharge.billed)
        )
        .join(Bill, Bill.id == DailyCharge.bill_id)
        .where(Bill.month.between(first, last), Bill.replaced_at.is_(None))
        .group_by(Bill.month, Bill.provider, DailyCharge.service, DailyCharge.currency)
    )
    found: Exact = defaultdict(dict)
    for at, provider, service, currency, amount in session.execute(statement):
        found[at, currency][provider, service] = amount
    return found


def _services(session: Session, month: datetime) -> dict[str, dict[str, tuple[Decimal, Decimal]]]:
    """By currency and service: billed and effective, exactly."""
    statement = (
        select(
            DailyCharge.currency,
            DailyCharge.service,
            func.sum(DailyCharge.billed),
            func.sum(DailyCharge.effective),
        )
        .join(Bill, Bill.id == DailyCharge.bill_id)
        .where(Bill.month == month, Bill.replaced_at.is_(None))
        .group_by(DailyCharge.currency, DailyCharge.service)
    )
    found: dict[str, dict[str, tuple[Decimal, Decimal]]] = defaultdict(dict)
    for currency, service, billed, effective in session.execute(statement):
        found[currency][service] = (billed, effective)
    return found
