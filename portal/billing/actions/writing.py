"""Writing: a customer's picture into the mirror, and what is told of what changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import accounts
from portal.billing import rules
from portal.billing.events import (
    CancellationScheduled,
    CancellationUndone,
    ChangeScheduled,
    Disputed,
    InvoicePaid,
    Refunded,
    SubscriptionBegan,
    SubscriptionChanged,
    SubscriptionEnded,
)
from portal.billing.models import (
    BillingCustomer,
    MirroredInvoice,
    MirroredSubscription,
    MirroredTrouble,
)
from portal.billing.values import Invoice, Picture, Subscription, Trouble
from portal.kit.outbox import tell

WATCHED = (
    *("status", "price_id", "plan", "version", "interval", "anchor_at", "period_ends_at", "ends_at"),
    *("ended_at", "next_plan", "next_interval", "next_at"),
)
"""What of a subscription is worth a line in the list of drift."""


def write(
    session: Session,
    customer: BillingCustomer,
    picture: Picture,
    before: Mapping[str, MirroredSubscription],
    *,
    now: datetime,
) -> list[str]:
    """Make the mirror equal the picture; what differed, in words. Rows of what is gone stay as ended."""
    known_card = customer.card_id
    _write_customer(customer, picture)
    changes: list[str] = []
    seen = {one.id for one in picture.subscriptions}
    for one in sorted(picture.subscriptions, key=lambda one: (one.created_at, one.id)):
        changes += _write_subscription(session, customer, one, before.get(one.id), picture, now=now)
    for row in before.values():
        if row.id not in seen and row.status in rules.OPEN:
            changes.append(f"subscription {row.id} is gone at Stripe, was {row.status}")
            _tell_ended(session, customer, row)
            row.status, row.ended_at, row.past_due_at, row.synced_at = "canceled", now, None, now
    _find_seconds(session, customer, picture, now=now)
    mirrored = {row.id: row for row in _invoices(session, customer)}
    for invoice in picture.invoices:
        changes += _write_invoice(session, customer, invoice, mirrored.get(invoice.id), known_card, now=now)
    for trouble in picture.troubles:
        changes += _write_trouble(session, customer, trouble, now=now)
    session.flush()
    return changes


def _write_customer(customer: BillingCustomer, picture: Picture) -> None:
    found, card = picture.customer, picture.customer.card
    customer.currency = found.currency or customer.currency
    customer.card_id = card.id if card else None
    customer.card_brand = card.brand if card else None
    customer.card_last4 = card.last4 if card else None
    customer.card_exp_month = card.exp_month if card else None
    customer.card_exp_year = card.exp_year if card else None


def _write_subscription(
    session: Session,
    customer: BillingCustomer,
    found: Subscription,
    row: MirroredSubscription | None,
    picture: Picture,
    *,
    now: datetime,
) -> list[str]:
    fields = _fields(found)
    if row is None:
        row = MirroredSubscription(id=found.id, customer_id=customer.id, synced_at=now, **fields)
        row.past_due_at = rules.past_due_since(found, picture.invoices, None, now=now)
        session.add(row)
        if found.offer is not None and found.status in rules.HOLDING:
            _tell_began(session, customer, found)
        return [f"subscription {found.id} was not known, is {found.status}"]
    changes = [
        f"subscription {found.id}: {name} is {_shown(fields[name])}, was {_shown(getattr(row, name))}"
        for name in WATCHED
        if fields[name] != getattr(row, name)
    ]
    if row.second_at is None:
        _tell_changes(session, customer, row, found)
    for name, value in fields.items():
        setattr(row, name, value)
    row.past_due_at = rules.past_due_since(found, picture.invoices, row.past_due_at, now=now)
    row.synced_at = now
    return changes


def _tell_began(session: Session, customer: BillingCustomer, found: Subscription) -> None:
    assert found.offer is not None
    offer = found.offer
    tell(session, SubscriptionBegan(customer.account_id, found.id, offer.line, offer.plan, offer.interval))


def _tell_changes(
    session: Session, customer: BillingCustomer, row: MirroredSubscription, found: Subscription
) -> None:
    offer, account_id = found.offer, customer.account_id
    if row.status in rules.OPEN and found.status not in rules.OPEN:
        _tell_ended(session, customer, row)
    if offer is None or found.status not in rules.OPEN:
        return
    if row.status not in rules.OPEN:
        _tell_began(session, customer, found)
        return
    if row.line and row.plan and row.interval and (row.plan, row.interval) != (offer.plan, offer.interval):
        tell(
            session,
            SubscriptionChanged(
                account_id, found.id, offer.line, row.plan, row.interval, offer.plan, offer.interval
            ),
        )
    coming, at = found.next_offer, found.next_at
    known = (row.next_plan, row.next_interval, row.next_at)
    if coming is not None and at is not None and (coming.plan, coming.interval, at) != known:
        tell(
            session,
            ChangeScheduled(account_id, found.id, offer.line, coming.plan, coming.interval, at.isoformat()),
        )
    if found.ends_at is not None and row.ends_at is None:
        ends_at = found.ends_at.isoformat()
        tell(session, CancellationScheduled(account_id, found.id, offer.line, offer.plan, ends_at))
    elif found.ends_at is None and row.ends_at is not None:
        tell(session, CancellationUndone(account_id, found.id, offer.line, offer.plan))


def _tell_ended(session: Session, customer: BillingCustomer, row: MirroredSubscription) -> None:
    if row.line and row.plan and row.second_at is None:
        unpaid = row.status in ("past_due", "unpaid")
        tell(session, SubscriptionEnded(customer.account_id, row.id, row.line, row.plan, unpaid))


def _find_seconds(session: Session, customer: BillingCustomer, picture: Picture, *, now: datetime) -> None:
    """Mark subscriptions that must not be; they are ended after the commit."""
    session.flush()
    marks: dict[str, str | None] = {}
    if accounts.closed_at(session, customer.account_id) is not None:
        marks |= {one.id: None for one in picture.subscriptions if one.status in rules.OPEN}
    for line in {one.offer.line for one in picture.subscriptions if one.offer is not None and not marks}:
        marks |= rules.second(
            one for one in picture.subscriptions if one.offer is not None and one.offer.line == line
        )
    for extra, kept in marks.items():
        row = session.get_one(MirroredSubscription, extra)
        if row.second_at is None:
            row.second_at, row.second_to = now, kept


def _invoices(session: Session, customer: BillingCustomer) -> Sequence[MirroredInvoice]:
    return session.scalars(
        select(MirroredInvoice)
        .where(MirroredInvoice.customer_id == customer.id)
        .execution_options(populate_existing=True)
    ).all()


def _write_invoice(
    session: Session,
    customer: BillingCustomer,
    found: Invoice,
    row: MirroredInvoice | None,
    known_card: str | None,
    *,
    now: datetime,
) -> list[str]:
    was = row.status if row is not None else None
    if row is None:
        row = MirroredInvoice(id=found.id, customer_id=customer.id)
        session.add(row)
    row.subscription_id, row.number, row.status = found.subscription_id, found.number, found.status
    row.reason, row.currency, row.attempts = found.reason, found.total.currency, found.attempts
    row.total, row.paid, row.due = found.total.amount, found.paid.amount, found.due.amount
    row.created_at, row.finalized_at, row.paid_at = found.created_at, found.finalized_at, found.paid_at
    row.next_attempt_at, row.hosted_url, row.pdf_url = found.next_attempt_at, found.hosted_url, found.pdf_url
    row.lines, row.synced_at = {"lines": [_line(line) for line in found.lines]}, now
    if found.status == "open" and found.attempts and row.tried_card is None:
        row.tried_card = known_card or customer.card_id
    if was != "paid" and found.status == "paid" and found.paid.amount > 0:
        tell(session, InvoicePaid(customer.account_id, found.id))
    return [] if was == found.status else [f"invoice {found.id} is {found.status}, was {was or 'not known'}"]


def _write_trouble(
    session: Session, customer: BillingCustomer, found: Trouble, *, now: datetime
) -> list[str]:
    row = session.get(MirroredTrouble, found.id)
    was = row.status if row is not None else None
    if row is None:
        row = MirroredTrouble(id=found.id, customer_id=customer.id, kind=found.kind)
        session.add(row)
        tell(session, (Refunded if found.kind == "refund" else Disputed)(customer.account_id, found.id))
    row.status, row.amount, row.currency = found.status, found.amount.amount, found.amount.currency
    row.reason, row.charge_id, row.created_at = found.reason, found.charge_id, found.created_at
    row.synced_at = now
    if was == found.status:
        return []
    return [f"{found.kind} {found.id} is {found.status}, was {was or 'not known'}"]


def _fields(found: Subscription) -> dict[str, Any]:
    offer, coming = found.offer, found.next_offer
    return {
        "line": offer.line if offer else None,
        "plan": offer.plan if offer else None,
        "version": offer.version if offer else None,
        "interval": offer.interval if offer else None,
        "status": found.status,
        "item_id": found.item_id,
        "price_id": found.price_id,
        "amount": found.price.amount,
        "currency": found.price.currency,
        "created_at": found.created_at,
        "anchor_at": found.anchor_at,
        "period_starts_at": found.period_starts_at,
        "period_ends_at": found.period_ends_at,
        "trial_ends_at": found.trial_ends_at,
        "ends_at": found.ends_at,
        "ended_at": found.ended_at,
        "schedule_id": found.schedule_id,
        "next_plan": coming.plan if coming else None,
        "next_version": coming.version if coming else None,
        "next_interval": coming.interval if coming else None,
        "next_at": found.next_at,
        "latest_invoice_id": found.latest_invoice_id,
    }


def _line(line: Any) -> dict[str, Any]:
    return {
        "text": line.text,
        "amount": line.amount.amount,
        "offer": vars(line.offer) if line.offer else None,
        "starts_at": line.starts_at.isoformat() if line.starts_at else None,
        "ends_at": line.ends_at.isoformat() if line.ends_at else None,
        "proration": line.proration,
    }


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
