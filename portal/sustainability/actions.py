"""Sustainability, as changed: cash is counted."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal import accounts
from portal.kit import ids
from portal.kit.money import Money
from portal.sustainability import rules
from portal.sustainability.models import Cash


def count_cash(session: Session, amount: Money, *, actor: accounts.Actor, now: datetime) -> Cash:
    """Note what is in hand now. Earlier counts stay; Invalid when nobody can have that."""
    rules.check_cash(amount)
    row = Cash(
        id=ids.new("cash"),
        amount=amount.amount,
        currency=amount.currency,
        counted_at=now,
        counted_by=actor.label,
    )
    session.add(row)
    session.flush()
    accounts.record(session, actor, "cash.counted", subject=row.id, now=now, data={"amount": amount.exact})
    return row
