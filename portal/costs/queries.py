"""Costs, as asked."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal.costs import rules
from portal.costs.models import TypedCost
from portal.costs.rules import TYPED, Charge, Month
from portal.kit.errors import Missing
from portal.kit.money import Money
from portal.kit.period import add_months, calendar_month


def month(session: Session, at: datetime) -> Month:
    """What the calendar month (UTC) that holds `at` costs, by service; the running one counts whole."""
    return months(session, at, 1)[0]


def months(session: Session, since: datetime, count: int) -> list[Month]:
    """So many calendar months from the one that holds `since` on, the earliest first."""
    first = calendar_month(since)[0]
    span = [add_months(first, number) for number in range(count)]
    rows = _between(session, first, span[-1])
    return [rules.month(at, _charges(rows, at)) for at in span]


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


def _charges(rows: Sequence[TypedCost], at: datetime) -> list[Charge]:
    return [
        Charge(row.name, row.service, Money(row.amount, row.currency), TYPED)
        for row in rows
        if rules.counts(row.begins_at, row.ends_at, at)
    ]
