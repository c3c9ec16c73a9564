"""Asking: plans that staff carry out before they are paid for, and days of grace that staff give."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import accounts, plans
from portal.billing import queries, rules
from portal.billing.events import PlanAsked, PlanDeclined, PlanReady
from portal.billing.models import BillingCustomer, Purchase
from portal.kit import ids
from portal.kit.errors import Conflict, Invalid, Missing
from portal.kit.outbox import tell


def ask_for(
    session: Session, account_id: str, plan: str, interval: str, *, actor: accounts.Actor, now: datetime
) -> Purchase:
    """Ask staff for a plan whose fulfilment is `request`; asking again returns the open request.

    Runs inside the caller's unit. Missing for an unknown plan, Invalid when it needs no request.
    """
    rules.check_interval(interval)
    accounts.touch(session, account_id)  # two who ask at once come one after the other
    found = plans.catalogue(session).plan(plan)
    if found.fulfilment != plans.REQUEST:
        raise Invalid(f"{found.name} can be bought at once: it needs no request.")
    if (standing := queries.requests_of(session, account_id).get(found.line)) is not None:
        if standing.plan == plan:
            return standing
        standing.failed_at, standing.failure = now, "another plan was asked for"
        session.flush()
    purchase = Purchase(
        id=ids.new("pur"),
        account_id=account_id,
        line=found.line,
        plan=found.slug,
        version=found.version,
        interval=interval,
        kind="request",
        asked_by=actor.person_id or actor.label,
        asked_at=now,
    )
    session.add(purchase)
    session.flush()
    tell(session, PlanAsked(account_id, purchase.id, found.line, found.slug))
    accounts.record(
        session, actor, "plan.asked", account_id=account_id, subject=purchase.id, now=now, data={"plan": plan}
    )
    return purchase


def fulfil(session: Session, purchase_id: str, *, actor: accounts.Actor, now: datetime) -> Purchase:
    """Say that what was asked for is ready: from now on the account can buy it. In the caller's unit."""
    row = _open_request(session, purchase_id)
    if row.ready_at is None:
        row.ready_at, row.ready_by = now, actor.person_id or actor.label
        tell(session, PlanReady(row.account_id, row.id, row.line, row.plan))
        _record(session, row, "plan.fulfilled", actor, now=now)
    return row


def decline(
    session: Session, purchase_id: str, reason: str, *, actor: accounts.Actor, now: datetime
) -> Purchase:
    """Say no to what was asked for, with a sentence that the customer reads. In the caller's unit."""
    row = _open_request(session, purchase_id)
    if not reason.strip():
        raise Invalid("Say why, in a sentence that the customer may read.", field="reason")
    row.failed_at, row.failure = now, reason.strip()
    tell(session, PlanDeclined(row.account_id, row.id, row.line, row.plan, reason.strip()))
    _record(session, row, "plan.declined", actor, now=now, reason=reason.strip())
    return row


def is_ready(session: Session, account_id: str, plan: str) -> bool:
    """Whether staff carried out an account's request for a plan."""
    ready = select(Purchase.id).where(
        Purchase.account_id == account_id,
        Purchase.plan == plan,
        Purchase.kind == "request",
        Purchase.ready_at.is_not(None),
        Purchase.failed_at.is_(None),
        Purchase.finished_at.is_(None),
    )
    return session.scalar(ready.limit(1)) is not None


def set_grace(
    session: Session, account_id: str, days: int | None, *, actor: accounts.Actor, now: datetime
) -> None:
    """Give an account its own days of grace (0 to 365) for unpaid invoices; None: those of the plan.

    In the caller's unit; it holds from the next sync on. Missing when the account was never a customer.
    """
    if days is not None and not 0 <= days <= rules.LONGEST_GRACE_DAYS:
        raise Invalid(f"Give 0 to {rules.LONGEST_GRACE_DAYS} days.", field="days")
    rows = session.scalars(
        select(BillingCustomer).where(BillingCustomer.account_id == account_id).with_for_update()
    ).all()
    if not rows:
        raise Missing("This account has never paid for anything.")
    for row in rows:
        row.grace_days = days
    accounts.record(
        session,
        actor,
        "billing.grace",
        account_id=account_id,
        subject=account_id,
        now=now,
        data={"days": days},
    )


def _open_request(session: Session, purchase_id: str) -> Purchase:
    row = session.scalar(
        select(Purchase).where(Purchase.id == purchase_id, Purchase.kind == "request").with_for_update()
    )
    if row is None:
        raise Missing("There is no such request.")
    if row.failed_at is not None or row.finished_at is not None:
        raise Conflict("This request is closed already.")
    return row


def _record(
    session: Session,
    row: Purchase,
    action: str,
    actor: accounts.Actor,
    *,
    now: datetime,
    reason: str | None = None,
) -> None:
    accounts.record(
        session,
        actor,
        action,
        account_id=row.account_id,
        subject=row.id,
        reason=reason,
        now=now,
        data={"plan": row.plan},
    )
