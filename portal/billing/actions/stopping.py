"""Stopping: who has left is charged nothing more."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from portal.billing import queries, rules
from portal.billing.actions import buying, mirroring
from portal.billing.gateway import Stripe
from portal.billing.models import Purchase
from portal.kit.db import unit


def stop(sessions: sessionmaker[Session], stripe: Stripe, account_id: str, *, now: datetime) -> None:
    """End at once all that an account pays for, and close its checkouts; nothing when it was no customer.

    StripeAway when Stripe does not answer: ask again, until it is done.
    """
    stripe_account = stripe.account
    with sessions() as session:
        with unit(session):
            row = queries.customer(session, account_id, stripe.payments)
            stripe_id = row.stripe_id if row is not None and row.stripe_account == stripe_account else None
            pages = session.scalars(
                select(Purchase.stripe_session_id).where(
                    Purchase.account_id == account_id,
                    Purchase.kind == "checkout",
                    Purchase.stripe_session_id.is_not(None),
                    Purchase.finished_at.is_(None),
                    Purchase.failed_at.is_(None),
                )
            ).all()
        if stripe_id is None:
            return
        for page in pages:
            buying.close(stripe, page or "")
        for one in stripe.subscriptions(stripe_id):
            if one.status in (*rules.OPEN, "incomplete"):
                stripe.end_now(one.id, key=f"stop-{one.id}")
        mirroring.sync(session, stripe, stripe_id, now=now)
