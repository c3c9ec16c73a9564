"""Recovering: a new card pays at once what the old one did not. Stripe itself would wait for days."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.billing.gateway import Declined, Refused, Stripe
from portal.billing.models import BillingCustomer, MirroredInvoice, MirroredSubscription
from portal.kit.db import unit


def recover(session: Session, stripe: Stripe, stripe_id: str, *, now: datetime) -> bool:
    """Ask for what is open with a card that was not tried yet, once for each card; whether anything was."""
    with unit(session):
        found = session.execute(
            select(MirroredInvoice.id, BillingCustomer.card_id)
            .join(BillingCustomer, BillingCustomer.id == MirroredInvoice.customer_id)
            .join(MirroredSubscription, MirroredSubscription.id == MirroredInvoice.subscription_id)
            .where(
                BillingCustomer.stripe_id == stripe_id,
                BillingCustomer.mode == stripe.payments.mode,
                MirroredSubscription.status.in_(("past_due", "unpaid")),
                MirroredSubscription.second_at.is_(None),
                MirroredInvoice.status == "open",
                MirroredInvoice.tried_card != BillingCustomer.card_id,
            )
            .order_by(MirroredInvoice.created_at, MirroredInvoice.id)
        ).all()
    for invoice_id, card_id in found:
        with suppress(Declined, Refused):  # then the next card may do, or Stripe's own retries
            stripe.collect(invoice_id, key=f"collect-{invoice_id}-{card_id}")
        with unit(session):
            row = session.get_one(MirroredInvoice, invoice_id, populate_existing=True, with_for_update=True)
            row.tried_card = card_id
    return bool(found)
