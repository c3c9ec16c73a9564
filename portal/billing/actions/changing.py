"""Changing: what is paid for already, to another plan or interval, or to an end."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal import accounts
from portal.billing.gateway import Stripe
from portal.billing.values import Preview
from portal.kit.money import Money


def preview(
    session: Session, stripe: Stripe, account_id: str, plan: str, interval: str, *, now: datetime
) -> Preview:
    """What a change to this plan and interval would do, to the cent. Changes nothing.

    Conflict when the account pays for nothing in this line, or for exactly that already; Invalid when
    the plan is not for sale.
    """
    raise NotImplementedError


def change(
    session: Session,
    stripe: Stripe,
    account_id: str,
    plan: str,
    interval: str,
    *,
    at: datetime,
    due_now: Money,
    actor: accounts.Actor,
    now: datetime,
) -> Preview:
    """Make the change that was previewed with `at` and `due_now`; what was done.

    Upgrades hold at once and are paid at once, or are not made at all (Declined). Downgrades hold
    when the paid time is over. Conflict when Stripe would charge another amount by now: show the
    preview again.
    """
    raise NotImplementedError


def cancel(
    session: Session, stripe: Stripe, account_id: str, line: str, *, actor: accounts.Actor, now: datetime
) -> datetime:
    """Cancel what the account pays for in a line, for the end of the paid time; when that is.

    Conflict when it pays for nothing there.
    """
    raise NotImplementedError


def resume(
    session: Session, stripe: Stripe, account_id: str, line: str, *, actor: accounts.Actor, now: datetime
) -> None:
    """Undo a cancellation, or a change that was to come later. Conflict when there is none."""
    raise NotImplementedError
