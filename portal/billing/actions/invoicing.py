"""Invoicing: work that is sold once gets one invoice, whatever crashes and whoever asks twice."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from portal.billing import rules
from portal.billing.actions import customers, mirroring
from portal.billing.gateway import Refused, Stripe
from portal.billing.models import BillingCustomer, MirroredInvoice, OneOff
from portal.kit.db import unit
from portal.kit.money import Money


def invoice_once(
    sessions: sessionmaker[Session],
    stripe: Stripe,
    account_id: str,
    one_off_id: str,
    text: str,
    amount: Money,
    *,
    due_days: int = rules.ONE_OFF_DUE_DAYS,
    now: datetime,
) -> None:
    """Make one Stripe invoice of what was agreed under `one_off_id`, open to be paid on its hosted page.

    In units of its own; asked again, nothing is made twice. What Stripe refuses is kept beside the row
    for staff. StripeAway when Stripe does not answer: ask again, until it is done.
    """
    assert amount.amount > 0, "there is something to pay"
    with sessions() as session:
        with unit(session, account_id):
            _note(session, account_id, one_off_id, text, amount, asked_at=now, due_days=due_days)
            row = _locked(session, one_off_id)
            if row.failed_at is not None or (row.withdrawn_at is not None and row.invoice_id is None):
                return
        try:
            customer_id = customers.ensure(session, stripe, account_id, now=now)
            invoice_id = row.invoice_id or _open(stripe, customer_id, row)
        except Refused as refused:
            with unit(session, account_id):
                row = _locked(session, one_off_id)
                row.failed_at, row.failure = now, refused.detail
            return
        with unit(session, account_id):
            row = _locked(session, one_off_id)
            row.invoice_id, row.invoiced_at = invoice_id, row.invoiced_at or now
            unwanted = row.withdrawn_at is not None
        if unwanted:  # withdrawn while it was being written
            _void(stripe, invoice_id)
        mirroring.sync(session, stripe, customer_id, now=now)


def leave_to_hand(
    session: Session, account_id: str, one_off_id: str, text: str, amount: Money, *, now: datetime
) -> None:
    """Note that there is no Stripe to invoice this: it is written by hand, also when payments come later."""
    days = rules.ONE_OFF_DUE_DAYS
    _note(session, account_id, one_off_id, text, amount, asked_at=now, due_days=days, failed_at=now)


def withdraw_once(
    sessions: sessionmaker[Session], stripe: Stripe | None, one_off_id: str, *, now: datetime
) -> None:
    """Let nobody pay for this any more; nothing when it was never asked for or is paid already.

    In units of its own. StripeAway when Stripe does not answer: ask again, until it is done.
    """
    with sessions() as session:
        with unit(session):
            row = session.get(OneOff, one_off_id, with_for_update=True, populate_existing=True)
            if row is None:
                return
            row.withdrawn_at = row.withdrawn_at or now
            invoice_id = row.invoice_id
            customer_id = session.scalar(
                select(BillingCustomer.stripe_id)
                .join(MirroredInvoice, MirroredInvoice.customer_id == BillingCustomer.id)
                .where(MirroredInvoice.id == invoice_id)
            )
        if stripe is None or invoice_id is None:
            return
        _void(stripe, invoice_id)
        if customer_id is not None:
            mirroring.sync(session, stripe, customer_id, now=now)


def _note(session: Session, account_id: str, one_off_id: str, text: str, amount: Money, **more: Any) -> None:
    """What is to be paid for, once: asked again, the first one stays as it is."""
    said = {"account_id": account_id, "text": text, "amount": amount.amount, "currency": amount.currency}
    statement = insert(OneOff).values(id=one_off_id, **said, **more)
    session.execute(statement.on_conflict_do_nothing(index_elements=["id"]))


def _open(stripe: Stripe, customer_id: str, row: OneOff) -> str:
    made = stripe.single.open(
        customer_id,
        Money(row.amount, row.currency),
        row.text,
        one_off_id=row.id,
        account_id=row.account_id,
        due_days=row.due_days,
    )
    return made.id


def _void(stripe: Stripe, invoice_id: str) -> None:
    try:
        stripe.void(invoice_id, key=f"void-{invoice_id}")
    except Refused:  # it was paid a moment before, or is void already: the mirror will say
        return


def _locked(session: Session, one_off_id: str) -> OneOff:
    return session.get_one(OneOff, one_off_id, with_for_update=True, populate_existing=True)
