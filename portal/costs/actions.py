"""Costs, as changed: typed, ended, and begun anew."""

from datetime import datetime
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import accounts
from portal.costs import queries, rules
from portal.costs.models import TypedCost
from portal.kit import ids
from portal.kit.errors import Conflict
from portal.kit.money import Money
from portal.kit.period import add_months, calendar_month


def add(
    session: Session,
    name: str,
    service: str,
    amount: Money,
    *,
    begins_at: datetime,
    ends_at: datetime | None = None,
    billed_by: str | None = None,
    nonce: str | None = None,
    actor: accounts.Actor,
    now: datetime,
) -> TypedCost:
    """Note what something costs each month of `[begins_at, ends_at)`, both the first of a month (UTC).

    `billed_by` names the provider on whose bill it stands: months whose bill was brought in count the bill.
    What comes twice with one nonce is noted once; Conflict when it is something else. Invalid, with the
    form's field, when a text, the amount or a month cannot be used.
    """
    name, service = name.strip(), service.strip()
    rules.check(name, service, amount, begins_at, ends_at, now)
    cost_id = f"cost_{sha256(nonce.encode()).hexdigest()[:26]}" if nonce else ids.new("cost")
    if nonce is not None:
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(cost_id))))
        if (noted := session.get(TypedCost, cost_id)) is not None:
            if (noted.name, noted.service, noted.amount) != (name, service, amount.amount):
                raise Conflict(
                    "Something else was sent from this page already. Look at it, then send this again."
                )
            return noted
    row = TypedCost(
        id=cost_id,
        name=name,
        service=service,
        amount=amount.amount,
        currency=amount.currency,
        begins_at=begins_at,
        ends_at=ends_at,
        billed_by=(billed_by or "").strip()[: rules.NAME_LENGTH] or None,
        added_at=now,
        added_by=actor.label,
    )
    session.add(row)
    session.flush()
    accounts.record(session, actor, "cost.added", subject=row.id, now=now, data=_told(row))
    return row


def end(
    session: Session, cost_id: str, *, last_month: datetime, actor: accounts.Actor, now: datetime
) -> TypedCost:
    """Let a cost end with the month that begins at `last_month`; the one before its first withdraws it.

    Missing when there is none, Conflict when it was ended already, Invalid when it begins later.
    """
    row = queries.one(session, cost_id)
    rules.check_month(last_month, now, field="last_month")
    ends_at = add_months(last_month, 1)
    rules.check_end(calendar_month(row.begins_at)[0], row.ended_at is not None, ends_at)
    row.ends_at, row.ended_at, row.ended_by = ends_at, now, actor.label
    session.flush()
    accounts.record(session, actor, "cost.ended", subject=row.id, now=now, data=_told(row))
    return row


def change(
    session: Session,
    cost_id: str,
    amount: Money,
    *,
    begins_at: datetime,
    actor: accounts.Actor,
    now: datetime,
) -> TypedCost:
    """Another amount from the month `begins_at` on: the cost ends before it and begins anew, same currency.

    The months before keep what they cost. What was to end later still does.
    """
    planned_end = queries.one(session, cost_id).ends_at
    old = end(session, cost_id, last_month=add_months(begins_at, -1), actor=actor, now=now)
    ends_at = planned_end if planned_end is None or planned_end > begins_at else None
    return add(
        session,
        old.name,
        old.service,
        amount,
        begins_at=begins_at,
        ends_at=ends_at,
        billed_by=old.billed_by,
        actor=actor,
        now=now,
    )


def _told(row: TypedCost) -> dict[str, str]:
    told = {"name": row.name, "amount": Money(row.amount, row.currency).exact, "from": _month(row.begins_at)}
    return told | ({"until": _month(row.ends_at, -1)} if row.ends_at else {})


def _month(at: datetime, later: int = 0) -> str:
    return f"{add_months(calendar_month(at)[0], later):%Y-%m}"
