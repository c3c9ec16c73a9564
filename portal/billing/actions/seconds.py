"""Seconds: a second subscription in one line is ended and its payment given back.

It was marked in the mirror, and committed, before anything is asked of Stripe: whoever comes after a
crash finds the mark and asks again under the same keys.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.billing import rules
from portal.billing.events import SecondSubscriptionEnded
from portal.billing.gateway import Stripe
from portal.billing.models import BillingCustomer, MirroredInvoice, MirroredSubscription
from portal.kit.db import unit
from portal.kit.money import Money
from portal.kit.outbox import tell


def settle(session: Session, stripe: Stripe, stripe_id: str, *, now: datetime) -> bool:
    """Put right what is marked for a customer; whether anything was."""
    with unit(session):
        marked = [row.id for row in _marked(session, stripe, stripe_id)]
    for subscription_id in marked:
        _settle(session, stripe, stripe_id, subscription_id, now=now)
    return bool(marked)


def _settle(session: Session, stripe: Stripe, stripe_id: str, subscription_id: str, *, now: datetime) -> None:
    with unit(session):
        row = session.get_one(MirroredSubscription, subscription_id)
        kept = session.get(MirroredSubscription, row.second_to)
        newer = kept is None or row.created_at >= kept.created_at
        invoices = session.scalars(
            select(MirroredInvoice).where(MirroredInvoice.subscription_id == subscription_id)
        ).all()
        paid = [(one.id, one.currency) for one in invoices if one.status == "paid" and one.paid > 0]
        unpaid = [one.id for one in invoices if one.status in rules.UNPAID]
    returned = Money(0, row.currency)
    if newer:  # an older one, left unpaid beside the new one, was used while it was paid
        for invoice_id, currency in paid:
            back = stripe.give_back(invoice_id, currency, key=f"second-{subscription_id}-{invoice_id}")
            returned = Money(returned.amount + back.amount, currency)
    if row.status in rules.OPEN:
        stripe.end_now(subscription_id, key=f"second-{subscription_id}")
    for invoice_id in unpaid:
        stripe.void(invoice_id, key=f"second-{subscription_id}-{invoice_id}-void")
    with unit(session):
        for row in _marked(session, stripe, stripe_id, lock=True):
            if row.id == subscription_id:
                row.refunded_at = now
                customer = session.get_one(BillingCustomer, row.customer_id)
                tell(
                    session,
                    SecondSubscriptionEnded(
                        customer.account_id,
                        row.id,
                        row.line or "",
                        row.plan or "",
                        returned.amount,
                        returned.currency,
                    ),
                )


def _marked(
    session: Session, stripe: Stripe, stripe_id: str, *, lock: bool = False
) -> list[MirroredSubscription]:
    found = (
        select(MirroredSubscription)
        .join(BillingCustomer, BillingCustomer.id == MirroredSubscription.customer_id)
        .where(
            BillingCustomer.stripe_id == stripe_id,
            BillingCustomer.mode == stripe.payments.mode,
            MirroredSubscription.second_at.is_not(None),
            MirroredSubscription.refunded_at.is_(None),
        )
        .order_by(MirroredSubscription.id)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(found.with_for_update() if lock else found))
