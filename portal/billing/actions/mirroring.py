"""Mirroring: what Stripe says of a customer is written down, and access follows from it."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.billing.gateway import Stripe


def refresh(session: Session, stripe: Stripe, account_id: str, *, now: datetime) -> list[str]:
    """Bring an account's mirror and access up to date, as the page that customers return to does.

    What changed, in words; nothing when the account was never a customer.
    """
    raise NotImplementedError


def sync(session: Session, stripe: Stripe, stripe_id: str, *, now: datetime) -> list[str]:
    """Fetch all of one customer from Stripe under the lock of its row, and write it; what changed.

    A unit of its own. Access is given and taken through `plans`; facts are told.
    """
    raise NotImplementedError
