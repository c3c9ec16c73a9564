"""Asking: plans that staff carry out before they are paid for, and days of grace that staff give."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal import accounts
from portal.billing.models import Purchase


def ask_for(
    session: Session, account_id: str, plan: str, interval: str, *, actor: accounts.Actor, now: datetime
) -> Purchase:
    """Ask staff for a plan whose fulfilment is `request`; asking again returns the open request.

    Runs inside the caller's unit. Missing for an unknown plan, Invalid when it needs no request.
    """
    raise NotImplementedError


def fulfil(session: Session, purchase_id: str, *, actor: accounts.Actor, now: datetime) -> Purchase:
    """Say that what was asked for is ready: from now on the account can buy it. In the caller's unit."""
    raise NotImplementedError


def decline(
    session: Session, purchase_id: str, reason: str, *, actor: accounts.Actor, now: datetime
) -> Purchase:
    """Say no to what was asked for, with a sentence that the customer reads. In the caller's unit."""
    raise NotImplementedError


def set_grace(
    session: Session, account_id: str, days: int | None, *, actor: accounts.Actor, now: datetime
) -> None:
    """Give an account its own days of grace (0 to 365) for unpaid invoices; None: those of the plan.

    In the caller's unit. Missing when the account was never a customer.
    """
    raise NotImplementedError
