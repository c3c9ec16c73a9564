"""Stopping: who has left is charged nothing more."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from portal.billing.actions import buying, customers, mirroring
from portal.billing.gateway import Stripe
from portal.billing.models import Purchase
from portal.kit.db import unit


def stop(sessions: sessionmaker[Session], stripe: Stripe, account_id: str, *, now: datetime) -> None:
    """End at once all that a closed account pays for, and close its checkouts; what is paid all the same
    goes back. Nothing when it was no customer.

    StripeAway when Stripe does not answer: ask again, until it is done.
    """
    _ = stripe.account
    with sessions() as session:
        with unit(session):  # whoever opens a page at this moment has written it down, or finds us closed
            stripe_id = customers.locked(session, stripe, account_id, now=now).stripe_id
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
            if one.status == "incomplete":
                stripe.end_now(one.id, key=f"stop-{one.id}")
        mirroring.sync(session, stripe, stripe_id, now=now)
