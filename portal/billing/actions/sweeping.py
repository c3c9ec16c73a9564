"""Sweeping: every customer compared with Stripe, and what differed noted and healed."""

from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from portal.billing.gateway import Stripe


def sweep_all(sessions: sessionmaker[Session], stripe: Stripe, *, now: datetime) -> list[str]:
    """Sync every customer, note drift, and take back access that no payment stands for; whom to push."""
    raise NotImplementedError
