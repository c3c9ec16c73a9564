"""Recovering: a new card pays at once what the old one did not. Stripe itself would wait for days."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.billing.gateway import Declined, Refused, Stripe
from portal.billing.models import BillingCustomer, MirroredInvoice, MirroredSubscription
from portal.kit.db import unit
from portal.kit.errors import Missing


def waiting(session: Session, customer: BillingCustomer) -> list[str]:
    """The open invoices that the customer's present card was not tried with, oldest first."""
    return list(
        session.scalars(
            select(MirroredInvoice.id)
            .join(MirroredSubscription, MirroredSubscription.id == MirroredInvoice.subscription_id)
            .where(
                MirroredSubscription.customer_id == customer.id,
                MirroredSubscription.status.in_(("past_due", "unpaid")),
                MirroredSubscription.second_at.is_(None),
                MirroredInvoice.status == "open",
                MirroredInvoice.tried_card != customer.card_id,
            )
            .order_by(MirroredInvoice.created_at, MirroredInvoice.id)
        )
    )


def recover(session: Session, stripe: Stripe, invoice_id: str, card_id: str, *, now: datetime) -> None:
    """Ask for an open invoice with a card that was not tried yet, once for each card."""
    with suppress(Declined, Refused, Missing):  # then the next card may do, or Stripe's own retries
        stripe.collect(invoice_id, key=f"collect-{invoice_id}-{card_id}")
    with unit(session):
        row = session.get_one(MirroredInvoice, invoice_id, populate_existing=True, with_for_update=True)
        row.tried_card = card_id
