"""Dunning: reminders of unpaid invoices and of cards that end."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.kit.settings import Payments


def remind(session: Session, payments: Payments, *, now: datetime) -> int:
    """Tell of unpaid invoices on day 0, 3, 5 and 7, and of cards that end soon; how many were told of.

    In the caller's unit. Nothing is told twice.
    """
    raise NotImplementedError
