"""Seconds: subscriptions that must not be are ended, and what was paid for them in vain is given back.

That is a second one in one line, and any of an account that has closed. It was marked in the mirror,
and committed, before anything is asked of Stripe: whoever comes after a crash finds the mark and asks
again under the same keys. It is ended first: a payment that cannot be given back must not be followed
by another.
"""

from contextlib import suppress
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import accounts
from portal.billing import rules
from portal.billing.events import PaidInVain, SecondSubscriptionEnded
from portal.billing.gateway import Refused, Stripe
from portal.billing.models import BillingCustomer, Drift, MirroredInvoice, MirroredSubscription
from portal.kit.db import unit
from portal.kit.errors import Missing
from portal.kit.money import Money
from portal.kit.outbox import tell

log = structlog.get_logger(__name__)


def waiting(session: Session, customer: BillingCustomer) -> list[MirroredSubscription]:
    """What is marked for a customer and not yet put right."""
    return list(
        session.scalars(
            select(MirroredSubscription)
            .where(
                MirroredSubscription.customer_id == customer.id,
                MirroredSubscription.second_at.is_not(None),
                MirroredSubscription.refunded_at.is_(None),
            )
            .order_by(MirroredSubscription.id)
        )
    )


def settle(session: Session, stripe: Stripe, subscription_id: str, *, now: datetime) -> None:
    """Put right what is marked. What Stripe will not give back stays marked, and is tried again later."""
    with unit(session):
        row = session.get_one(MirroredSubscription, subscription_id, populate_existing=True)
        if row.refunded_at is not None:
            return
        invoices = session.scalars(
            select(MirroredInvoice).where(MirroredInvoice.subscription_id == subscription_id)
        ).all()
        in_vain = [
            (one.id, one.currency)
            for one in invoices
            if one.status == "paid" and one.paid > 0 and _in_vain(session, row, one)
        ]
        unpaid = [one.id for one in invoices if one.status in rules.UNPAID]
    if row.status in rules.OPEN:
        stripe.end_now(subscription_id, key=f"second-{subscription_id}")
    returned = Money(0, row.currency)
    try:
        for invoice_id in unpaid:
            with suppress(Missing):
                stripe.void(invoice_id, key=f"second-{subscription_id}-{invoice_id}-void")
        for invoice_id, currency in in_vain:
            back = stripe.give_back(invoice_id, currency, key=f"second-{subscription_id}-{invoice_id}")
            returned = Money(returned.amount + back.amount, currency)
    except Refused as refusal:
        log.warning("a payment could not be given back", subscription=row.id, detail=refusal.detail)
        return
    with unit(session):
        _finish(session, subscription_id, returned, now=now)


def _in_vain(session: Session, row: MirroredSubscription, invoice: MirroredInvoice) -> bool:
    """Whether a payment bought nothing."""
    if row.second_to is None:
        customer = session.get_one(BillingCustomer, row.customer_id)
        closed_at = accounts.closed_at(session, customer.account_id)
        return closed_at is not None and rules.paid_in_vain(invoice.paid_at, closed_at)
    kept = session.get(MirroredSubscription, row.second_to)
    # An older one, left unpaid beside the new one, was used while it was paid.
    return kept is None or row.created_at >= kept.created_at


def _finish(session: Session, subscription_id: str, returned: Money, *, now: datetime) -> None:
    row = session.get_one(MirroredSubscription, subscription_id, populate_existing=True, with_for_update=True)
    if row.refunded_at is not None:
        return
    row.refunded_at = now
    customer = session.get_one(BillingCustomer, row.customer_id)
    told = (customer.account_id, row.id, row.line or "", row.plan or "", returned.amount, returned.currency)
    if row.second_to is not None:
        tell(session, SecondSubscriptionEnded(*told))
    elif returned.amount:
        tell(session, PaidInVain(*told))
        what = f"{row.id} was paid for when the account had closed: {returned.exact} went back"
        session.add(
            Drift(mode=customer.mode, account_id=customer.account_id, what=what, found_at=now, healed_at=now)
        )
