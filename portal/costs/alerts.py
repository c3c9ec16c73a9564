"""Alerts: amounts a month at which operators are written to, once for what is and once for what will be."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal import accounts
from portal.costs import queries, rules
from portal.costs.events import CostReached
from portal.costs.models import AlertRaised, CostAlert
from portal.costs.outlook import Outlook, outlook
from portal.kit import ids
from portal.kit.errors import Conflict, Missing
from portal.kit.money import MINOR_DIGITS, Money
from portal.kit.outbox import tell
from portal.kit.period import calendar_month

SHIPPED = (10, 50, 100)
MOST = 12


def levels(session: Session, currency: str) -> list[Money]:
    """At which amounts a letter goes out, the smallest first; the shipped ones until one was changed."""
    if session.scalar(select(CostAlert.id).where(CostAlert.currency == currency).limit(1)) is None:
        return [Money(units * 10 ** MINOR_DIGITS.get(currency, 2), currency) for units in SHIPPED]
    return [Money(row.amount, row.currency) for row in _set(session, currency)]


def watched(session: Session, currency: str, *, now: datetime) -> list[str]:
    """The currencies in which costs are watched: this one, then every other of the running month's costs."""
    others = {one.currency for one in queries.month(session, now).totals}
    return [currency, *sorted(others & MINOR_DIGITS.keys() - {currency})]


def set_level(session: Session, amount: Money, *, actor: accounts.Actor, now: datetime) -> None:
    """Write at this amount too. Conflict when that is done already, or at too many."""
    rules.check_amount(amount)
    standing = _settled(session, amount.currency, now)
    if amount.amount in standing:
        raise Conflict(f"A letter goes out at {amount} already.")
    if len(standing) >= MOST:
        raise Conflict(f"There are {MOST} alerts, which is the most. Remove one first.")
    session.add(_row(amount, actor.label, now))
    session.flush()
    accounts.record(session, actor, "alert.set", subject=amount.exact, now=now)


def drop_level(session: Session, amount: Money, *, actor: accounts.Actor, now: datetime) -> None:
    """Write at this amount no more. Missing when that is not done anyway."""
    row = _settled(session, amount.currency, now).get(amount.amount)
    if row is None:
        raise Missing(f"There is no alert at {amount}.")
    row.dropped_at, row.dropped_by = now, actor.label
    session.flush()
    accounts.record(session, actor, "alert.dropped", subject=amount.exact, now=now)


def raised(session: Session, *, size: int = 24) -> Sequence[AlertRaised]:
    """What was reached, the newest first."""
    newest = AlertRaised.raised_at.desc(), AlertRaised.amount.desc(), AlertRaised.kind
    return session.scalars(select(AlertRaised).order_by(*newest).limit(size)).all()


def watch(session: Session, currency: str, *, now: datetime) -> int:
    """Tell which amounts the running month reached, or will: each once a month; how many were told.

    What is reached at the very moment at which it is foreseen is told once.
    """
    month, found = calendar_month(now)[0], outlook(session, currency, now=now)
    told = 0
    for level in levels(session, currency):
        fresh = [kind for kind in _reached(found, level) if _mark(session, month, level, kind, now)]
        if fresh:
            tell(session, CostReached(f"{month:%Y-%m}", level.amount, level.currency, fresh[0]))
            told += 1
    return told


def _reached(found: Outlook, level: Money) -> list[str]:
    if found.so_far.amount >= level.amount:
        return ["actual", "forecast"]
    return ["forecast"] if found.likely.amount >= level.amount else []


def _mark(session: Session, month: datetime, level: Money, kind: str, now: datetime) -> bool:
    """Whether it was not raised before. A second watch waits here for the first one to commit."""
    mark = insert(AlertRaised).values(
        month=month, currency=level.currency, amount=level.amount, kind=kind, raised_at=now
    )
    return session.scalar(mark.on_conflict_do_nothing().returning(AlertRaised.amount)) is not None


def _set(session: Session, currency: str) -> Sequence[CostAlert]:
    standing = select(CostAlert).where(CostAlert.currency == currency, CostAlert.dropped_at.is_(None))
    return session.scalars(standing.order_by(CostAlert.amount)).all()


def _settled(session: Session, currency: str, now: datetime) -> dict[int, CostAlert]:
    """The alerts by amount, as rows: with the first change the shipped ones become such.

    One change at a time: two first ones would both write the shipped ones down.
    """
    session.execute(text("LOCK TABLE cost_alert IN SHARE ROW EXCLUSIVE MODE"))
    if not (rows := _set(session, currency)):
        session.add_all(_row(level, "shipped", now) for level in levels(session, currency))
        session.flush()
        rows = _set(session, currency)
    return {row.amount: row for row in rows}


def _row(amount: Money, by: str, now: datetime) -> CostAlert:
    return CostAlert(
        id=ids.new("alert"), amount=amount.amount, currency=amount.currency, set_at=now, set_by=by
    )
