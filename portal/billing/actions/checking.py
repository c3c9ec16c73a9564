"""Checking: what a key, the webhooks and the catalogue at Stripe lack."""

from sqlalchemy.orm import Session

from portal.billing.gateway import Stripe
from portal.billing.values import Finding


def check(session: Session, stripe: Stripe, *, public_url: str) -> list[Finding]:
    """Look at everything that payments need and say what is missing. Changes nothing."""
    raise NotImplementedError
